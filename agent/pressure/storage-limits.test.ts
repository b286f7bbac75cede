import { describe, expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../api/kinds.gen.ts';
import { exceededLimit, limitedEmptyDirs } from './storage-limits.ts';

const mib = 2 ** 20;
const limited = (name: string, limit?: string) => ({
  name,
  image: 'app:1',
  ...(limit === undefined ? {} : { resources: { limits: { 'ephemeral-storage': limit } } }),
});
const podOf = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [limited('main')], ...spec },
});
const usage = (containers: Record<string, number>, emptyDirs: Record<string, number> = {}) => ({
  containers: new Map(Object.entries(containers)),
  emptyDirs: new Map(Object.entries(emptyDirs)),
});

describe('a pod', () => {
  test('without limits may fill the disk', () => {
    const pod = podOf({ volumes: [{ name: 'data', emptyDir: {} }] });
    expect(limitedEmptyDirs(pod)).toEqual([]);
    expect(exceededLimit(pod, usage({ main: 1e15 }, { data: 1e15 }))).toBeUndefined();
  });

  test('may use exactly what it is allowed', () => {
    const pod = podOf({
      containers: [limited('main', '1Mi')],
      volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }],
    });
    expect(exceededLimit(pod, usage({ main: mib }))).toBeUndefined();
    expect(exceededLimit(pod, usage({}, { data: mib }))).toBeUndefined();
  });

  test('is told which of its limits it exceeded, and by what', () => {
    const volumes = [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }];
    expect(exceededLimit(podOf({ volumes }), usage({}, { data: 3 * mib }))).toBe(
      'Usage of EmptyDir volume "data" exceeds the limit "1Mi": 3Mi are used.',
    );
    const two = podOf({ containers: [limited('a', '1Mi'), limited('b', '9Mi')] });
    expect(exceededLimit(two, usage({ a: 2 * mib }))).toBe(
      'Container a exceeded its local ephemeral storage limit "1Mi": 2Mi are used.',
    );
    const shared = podOf({
      containers: [limited('a', '1Mi'), limited('b', '1Mi')],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    expect(exceededLimit(shared, usage({ a: mib }, { data: 2 * mib }))).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi: 3Mi are used.',
    );
  });

  test('of which one container has no limit has none as a whole', () => {
    const pod = podOf({ containers: [limited('a', '1Mi'), limited('b')] });
    expect(exceededLimit(pod, usage({ a: 1, b: 1e15 }))).toBeUndefined();
  });
});
