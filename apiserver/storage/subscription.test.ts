import { expect, test } from 'vitest';
import { fromObject } from './cached.ts';
import type { CacheEvent } from './resource-cache.ts';
import { Subscription, type SubscriptionEnd } from './subscription.ts';

function event(key: string, revision = 1n, bytes = 0): CacheEvent {
  const current = fromObject(key, { metadata: {} }, revision, bytes);
  return { type: 'put', revision, current, previous: undefined };
}

function subscription(prefix = 'k/a/') {
  const ends: SubscriptionEnd[] = [];
  return { ends, watching: new Subscription(prefix, (why) => ends.push(why)) };
}

test('hands over what lies under its prefix, in batches', async () => {
  const { watching } = subscription();
  watching.push(event('k/a/1'));
  watching.push(event('k/b/1'));
  watching.push(event('k/a/2'));
  expect(watching.queued).toBe(2);
  const iterator = watching[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  expect(value).toHaveLength(2);
  const later = iterator.next();
  watching.push(event('k/a/3'));
  expect((await later).value).toHaveLength(1);
});

test('ends when told, and tells its owner once', async () => {
  const { watching, ends } = subscription();
  const next = watching[Symbol.asyncIterator]().next();
  watching.end();
  watching.end();
  expect((await next).done).toBe(true);
  expect(ends).toEqual(['ended']);
});

test('a reader who stops reading lets go of it', async () => {
  const { watching, ends } = subscription();
  watching.push(event('k/a/1'));
  for await (const _batch of watching) break;
  expect(ends).toEqual(['ended']);
});

test('a slow reader is cut off; what was queued before is still told', async () => {
  const { watching, ends } = subscription();
  for (let i = 0; i <= 10_000; i += 1) watching.push(event('k/a/1', BigInt(i)));
  expect(ends).toEqual(['slow']);
  watching.push(event('k/a/after'));
  const batches: (readonly CacheEvent[])[] = [];
  for await (const batch of watching) batches.push(batch);
  expect(batches.map(({ length }) => length)).toEqual([10_000]);
  expect(watching.ended).toBe('slow');
});

test('a slow reader of large objects is cut off by their size; what was taken counts no more', async () => {
  const { watching, ends } = subscription();
  const large = () => watching.push(event('k/a/1', 1n, 1024 * 1024));
  const iterator = watching[Symbol.asyncIterator]();
  for (let i = 0; i < 32; i += 1) large();
  expect((await iterator.next()).value).toHaveLength(32);
  for (let i = 0; i < 32; i += 1) large();
  expect(ends).toEqual([]);
  large();
  expect(ends).toEqual(['slow']);
});
