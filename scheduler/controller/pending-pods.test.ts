import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { atOnce } from '../../lib/turns.ts';
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

const advance = (queue: PendingPods, nowMs: number) => atOnce(queue.advance(nowMs));

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
    expect(advance(queue, 1000)).toBe(61_000);
    expect(names(queue)).toEqual([]);
    expect(advance(queue, 61_000)).toBe(Number.POSITIVE_INFINITY);
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
      const atMs = advance(queue, -1);
      delaysMs.push(atMs);
      advance(queue, atMs);
    }
    expect(delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('do not remember help from before they were refused', () => {
    const queue = new PendingPods();
    queue.add(pod('a'));
    queue.take(1);
    queue.help();
    queue.wait('a', 0);
    expect(advance(queue, 10_000)).toBe(60_000);
  });

  it('are looked through in parts when many wait', () => {
    const queue = new PendingPods();
    for (let i = 0; i < 5_000; i += 1) queue.add(pod(`p${i}`));
    for (const { uid } of queue.take(5_000)) queue.wait(uid, 0);
    queue.help();
    const parts = queue.advance(200);
    let count = 1;
    for (; parts.next().done !== true; count += 1);
    expect(count).toBe(10);
    expect(queue.take(9_999)).toHaveLength(5_000);
  });

  it('are not looked through again while nothing can be due', () => {
    const queue = new PendingPods();
    for (let i = 0; i < 5_000; i += 1) queue.add(pod(`p${i}`));
    for (const { uid } of queue.take(5_000)) queue.wait(uid, 0);
    expect(queue.advance(200).next()).toEqual({ done: true, value: 60_000 });
  });

  it('are helped although that happens while they are looked through', () => {
    const queue = new PendingPods();
    for (let i = 0; i < 1_000; i += 1) queue.add(pod(`p${i}`));
    for (const { uid } of queue.take(1_000)) queue.wait(uid, 0);
    queue.helpOne('p999');
    const parts = queue.advance(50);
    parts.next();
    queue.helpOne('p0');
    for (let part = parts.next(); part.done !== true; part = parts.next());
    expect(advance(queue, 50)).toBe(100);
    expect(advance(queue, 100)).toBe(60_000);
    expect(names(queue)).toEqual(['p0', 'p999']);
  });

  it('that wait for a neighbour are helped by one alone', () => {
    const queue = new PendingPods();
    for (const name of ['a', 'b']) queue.add(pod(name));
    for (const { uid } of queue.take(2)) queue.wait(uid, 0);
    queue.waitForPeers('b');
    queue.helpPeers();
    advance(queue, 1_000);
    expect(names(queue)).toEqual(['b']);
  });

  it('of one owner are taken together, wherever they wait', () => {
    const queue = new PendingPods();
    const owned = (name: string, uid: string) => {
      const owner = { apiVersion: 'v1', kind: 'Workload', name: uid, uid, controller: true };
      const made = pod(name);
      return { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } };
    };
    for (const [name, uid] of [
      ['b', 'x'],
      ['a', 'x'],
      ['c', 'y'],
      ['d', 'x'],
    ] as const) {
      queue.add(owned(name, uid));
    }
    queue.remove('d');
    for (const { uid } of queue.take(1)) queue.wait(uid, 0);
    const taken = () => atOnce(queue.takeOwned('x')).map(({ uid }) => uid);
    expect(taken()).toEqual(['a', 'b']);
    expect(taken()).toEqual([]);
    expect(names(queue)).toEqual(['c']);
    for (let i = 0; i < 2_000; i += 1) queue.add(owned(`m${i}`, 'many'));
    const parts = queue.takeOwned('many');
    let count = 1;
    for (; parts.next().done !== true; count += 1);
    expect(count).toBeGreaterThan(8);
  });
});
