import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromObject } from './cached.ts';
import { type CacheEvent, ResourceCache } from './resource-cache.ts';

const object = (key: string, revision: bigint) => fromObject(key, { metadata: {} }, revision);

function put(cache: ResourceCache, key: string, revision: bigint): CacheEvent {
  const event = {
    type: 'put',
    revision,
    current: object(key, revision),
    previous: cache.get(key),
  } as const;
  cache.apply(event);
  return event;
}

test('lists by prefix in key order', () => {
  const cache = new ResourceCache(0n);
  ['k/b/2', 'k/a/9', 'k/b/1', 'k/ba/1'].forEach((key, i) => {
    put(cache, key, BigInt(i + 1));
  });
  expect(cache.list('k/b/').map(({ key }) => key)).toEqual(['k/b/1', 'k/b/2']);
  expect(cache.list('k/').map(({ key }) => key)).toEqual(['k/a/9', 'k/b/1', 'k/b/2', 'k/ba/1']);
});

test('tells the changes after a revision, or that it does not know', () => {
  const cache = new ResourceCache(10n);
  const events = [11n, 12n, 15n].map((revision) => put(cache, 'k/a', revision));
  expect(cache.after(10n)).toEqual(events);
  expect(cache.after(12n)).toEqual(events.slice(2));
  expect(cache.after(99n)).toEqual([]);
  expect(cache.after(9n)).toBeUndefined();
});

test('keeps fewer changes of large objects', () => {
  const cache = new ResourceCache(0n);
  for (let revision = 1n; revision <= 100n; revision += 1n) {
    const current = fromObject('k/a', { metadata: {} }, revision, 1_000_000);
    cache.apply({ type: 'put', revision, current, previous: cache.get('k/a') });
  }
  expect(cache.after(99n)).toHaveLength(1);
  expect(cache.historyStart).toBeGreaterThan(80n);
  expect(cache.historyStart).toBeLessThanOrEqual(92n);
  const huge = fromObject('k/a', { metadata: {} }, 101n, 50_000_000);
  cache.apply({ type: 'put', revision: 101n, current: huge, previous: cache.get('k/a') });
  expect(cache.after(100n)).toHaveLength(1);
});

test('tells what was left of a revision, and nothing twice to one who has heard it alone', () => {
  const cache = new ResourceCache(10n);
  const alone = put(cache, 'k/a/1', 11n);
  const together = ['k/a/1', 'k/a/2', 'k/b/1', 'k/b/2'].map((key) => put(cache, key, 12n));
  const later = put(cache, 'k/a/1', 13n);
  expect(cache.untold(12n, 'k/')).toEqual([...together.slice(1), later]);
  expect(cache.untold(12n, 'k/a/')).toEqual([together[1], later]);
  expect(cache.untold(12n, 'k/b/')).toEqual([together[3]]);
  expect(cache.untold(11n, 'k/')).toEqual([...together, later]);
  expect(cache.untold(10n, 'k/')).toEqual([alone, ...together, later]);
  expect(cache.untold(9n, 'k/')).toBeUndefined();
});

test('of the revision that was listed it knows what was left only if that changed one object', () => {
  const one = new ResourceCache(10n);
  one.load(object('k/a', 10n));
  one.load(object('k/b', 9n));
  const later = put(one, 'k/a', 11n);
  expect(one.untold(10n, 'k/')).toEqual([later]);
  const several = new ResourceCache(10n);
  for (const key of ['k/a', 'k/b']) several.load(object(key, 10n));
  expect(several.untold(10n, 'k/')).toBeUndefined();
  expect(several.after(10n)).toEqual([]);
  const next = put(several, 'k/a', 11n);
  expect(several.untold(11n, 'k/')).toEqual([]);
  expect(several.after(10n)).toEqual([next]);
});

test('forgets whole revisions only', () => {
  const cache = new ResourceCache(0n);
  const perRevision = 7;
  for (let i = 0; i < 3_000; i += 1)
    put(cache, `k/${i % perRevision}`, BigInt(1 + Math.floor(i / perRevision)));
  const start = cache.historyStart;
  expect(start).toBeGreaterThan(1n);
  expect(cache.untold(start - 1n, 'k/')).toBeUndefined();
  const left = cache.untold(start, 'k/')?.filter(({ revision }) => revision === start);
  expect(left).toHaveLength(perRevision - 1);
});

test('forgets the oldest changes, never a change within what it claims to know', () => {
  const cache = new ResourceCache(0n);
  for (let revision = 1n; revision <= 5_000n; revision += 1n)
    put(cache, `k/${revision % 7n}`, revision);
  const start = cache.historyStart;
  expect(start).toBeGreaterThan(1n);
  expect(cache.after(start - 2n)).toBeUndefined();
  expect(cache.after(start - 1n)?.map(({ revision }) => revision)).toEqual(
    Array.from({ length: Number(5_000n - start + 1n) }, (_, i) => start + BigInt(i)),
  );
});

test('holds what a plain map would, whatever is put and deleted', () => {
  const step = fc.record({
    key: fc.constantFrom('k/a', 'k/b', 'k/c/d', 'k/c'),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const cache = new ResourceCache(0n);
      const model = new Map<string, bigint>();
      steps.forEach(({ key, remove }, i) => {
        const revision = BigInt(i + 1);
        const previous = cache.get(key);
        if (!remove) model.set(key, put(cache, key, revision).revision);
        else if (previous !== undefined) {
          cache.apply({ type: 'delete', revision, previous });
          model.delete(key);
        }
      });
      const held = cache.list('k/').map(({ key, revision }) => [key, revision]);
      expect(held).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
    }),
  );
});
