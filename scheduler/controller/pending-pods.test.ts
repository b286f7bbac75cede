import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { PendingPods } from './pending-pods.ts';

function pod(name: string, priority = 0, second = 0): Pod {
  const creationTimestamp = `2026-01-01T00:00:0${second}Z`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ns', name, uid: name, creationTimestamp },
    spec: { containers: [], priority },
  };
}

const names = (queue: PendingPods, most = 10) => queue.take(most).map(({ uid }) => uid);

describe('pending pods', () => {
  it('come by priority, then age, then name, each once', () => {
    const queue = new PendingPods();
    for (const p of [pod('b'), pod('late', 0, 1), pod('a'), pod('high', 5, 2)]) queue.add(p);
    queue.add(pod('a'));
    expect(names(queue, 2)).toEqual(['high', 'a']);
    expect(names(queue)).toEqual(['b', 'late']);
    expect(names(queue)).toEqual([]);
  });

  it('are not taken after they are gone', () => {
    const queue = new PendingPods();
    queue.add(pod('a'));
    queue.remove('a');
    expect(names(queue)).toEqual([]);
    queue.wait('a', 0);
    expect(queue.size).toBe(0);
  });

  it('wait for time when nothing helps', () => {
    const queue = new PendingPods();
    queue.add(pod('a'));
    queue.take(1);
    queue.wait('a', 1000);
    expect(queue.advance(1000)).toBe(61_000);
    expect(names(queue)).toEqual([]);
    expect(queue.advance(61_000)).toBe(Number.POSITIVE_INFINITY);
    expect(names(queue)).toEqual(['a']);
  });

  it('are tried soon after help, less and less soon', () => {
    const queue = new PendingPods();
    queue.add(pod('a'));
    const delaysMs: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      queue.take(1);
      queue.wait('a', 0);
      queue.help();
      const atMs = queue.advance(-1);
      delaysMs.push(atMs);
      queue.advance(atMs);
    }
    expect(delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('do not remember help from before they were refused', () => {
    const queue = new PendingPods();
    queue.add(pod('a'));
    queue.take(1);
    queue.help();
    queue.wait('a', 0);
    expect(queue.advance(10_000)).toBe(60_000);
  });
});
