import { map } from 'rxjs';
import { expect, test } from 'vitest';
import type { JsonObject, KubeObject } from '../api/meta.ts';
import { StatusError } from '../api/status.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { seededRandom } from '../lib/random.ts';
import { FakeApi, kind, object } from '../test/harness/fake-api.ts';
import { createInformer } from './list-watch-informer.ts';

const widgets = kind('example.com', 'v1', 'Widget');
const signal = new AbortController().signal;
const unavailable = new StatusError(503, 'ServiceUnavailable', 'gone fishing');

function setup(options: { labelSelector?: string } = {}) {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const api = new FakeApi({ clock, random });
  const informer = createInformer<KubeObject & JsonObject>(api, widgets, {
    clock,
    random,
    log: silentLog,
    ...options,
  });
  const seen: string[] = [];
  informer.events.subscribe((event) => {
    const name = 'object' in event ? ` ${event.object.metadata.name}` : '';
    seen.push(event.type + name);
  });
  const add = (key: string, fields: JsonObject = {}) =>
    api.create(widgets, object(widgets, key, fields), { signal });
  const keys = () => informer.list().map((o) => o.metadata.name);
  return { clock, api, informer, seen, add, keys };
}

test('lists, then follows', async () => {
  const { clock, api, informer, seen, add, keys } = setup();
  await add('a/one');
  informer.start();
  await clock.advance(0);
  expect(informer.synced).toBe(true);
  await add('a/two');
  await api.patch(widgets, { namespace: 'a', name: 'one' }, { spec: { x: 1 } }, { signal });
  await api.delete(widgets, { namespace: 'a', name: 'one' }, { signal });
  await clock.advance(0);
  expect(seen).toEqual([
    'init',
    'initApply one',
    'initDone',
    'apply two',
    'apply one',
    'delete one',
  ]);
  expect(keys()).toEqual(['two']);
  await informer.stop();
  expect(api.openWatches).toBe(0);
});

test('resumes without a list after an end and after an error', async () => {
  const { clock, api, informer, seen, add, keys } = setup();
  informer.start();
  await clock.advance(0);
  for (const error of [undefined, unavailable, new Error('socket hang up')]) {
    api.endWatches(error);
    await add(`a/w${api.revision}`);
    await clock.advance(60_000);
  }
  expect(keys()).toHaveLength(3);
  expect(seen.filter((line) => line === 'init')).toHaveLength(1);
  expect(api.calls.filter((call) => call.verb === 'list')).toHaveLength(1);
  await informer.stop();
});

test('relists when its revision is forgotten, and tells what is gone', async () => {
  const { clock, api, informer, seen, add, keys } = setup();
  await add('a/one');
  informer.start();
  await clock.advance(0);
  api.pauseDelivery();
  await api.delete(widgets, { namespace: 'a', name: 'one' }, { signal });
  await add('a/two');
  api.compact();
  seen.length = 0;
  api.resumeDelivery();
  await clock.advance(60_000);
  expect(seen).toEqual(['delete one', 'init', 'initApply two', 'initDone']);
  expect(keys()).toEqual(['two']);
  await informer.stop();
});

test('a long list is taken in and told of in turns, and is not there before it was', async () => {
  const { clock, informer, seen, add } = setup();
  for (let i = 0; i < 200; i += 1) await add(`a/w${i}`);
  // Each look at the clock ends a turn.
  const now = clock.now.bind(clock);
  let looks = 0;
  clock.now = () => now() + 5 * looks++;
  const synced = informer.untilSynced({ signal }).then(() => seen.length);
  informer.start();
  const toldAfter: number[] = [];
  while (!informer.synced) {
    await new Promise((resolve) => setImmediate(resolve));
    toldAfter.push(seen.length);
  }
  const told = toldAfter.map((count, i) => count - (toldAfter[i - 1] ?? 0));
  expect(Math.max(...told)).toBeLessThan(20);
  // Of the taking in, too.
  expect(told.filter((count) => count === 0).length).toBeGreaterThanOrEqual(3);
  expect(await synced).toBe(202);
  clock.now = now;
  await informer.stop();
});

test('backs off while the server is away and never gives up', async () => {
  const { clock, api, informer, add, keys } = setup();
  api.before = () => {
    throw unavailable;
  };
  informer.start();
  await clock.advance(600_000);
  const attempts = api.calls.length;
  expect(attempts).toBeGreaterThan(15);
  expect(attempts).toBeLessThan(60);
  api.before = () => {};
  await add('a/one');
  await clock.advance(31_000);
  expect(keys()).toEqual(['one']);
  await informer.stop();
});

test('a watch refused right after each list does not become a hot loop', async () => {
  const { clock, api, informer } = setup();
  api.before = ({ verb }) => {
    if (verb === 'watch') throw new StatusError(410, 'Expired', 'too old resource version');
  };
  informer.start();
  await clock.advance(600_000);
  expect(api.calls.filter((call) => call.verb === 'list').length).toBeLessThan(60);
  await informer.stop();
});

test('a silent stream is started anew', async () => {
  const { clock, api, informer, add, keys } = setup();
  informer.start();
  await clock.advance(0);
  api.pauseDelivery();
  await add('a/one');
  await clock.advance(59_000);
  expect(keys()).toEqual([]);
  const watches = () => api.calls.filter((call) => call.verb === 'watch').length;
  expect(watches()).toBe(1);
  await clock.advance(2_000);
  expect(watches()).toBe(2);
  api.resumeDelivery();
  await clock.advance(0);
  expect(keys()).toEqual(['one']);
  await informer.stop();
});

test('handlers that throw, also behind operators, end neither the stream nor the process', async () => {
  const { clock, informer, seen, add } = setup();
  informer.events.subscribe(() => {
    throw new Error('bad handler');
  });
  informer.events.pipe(map((event) => event.type)).subscribe(() => {
    throw new Error('bad handler behind an operator');
  });
  informer.events
    .pipe(
      map(() => {
        throw new Error('bad operator');
      }),
    )
    .subscribe();
  informer.start();
  await clock.advance(0);
  await add('a/one');
  await clock.advance(0);
  expect(seen.at(-1)).toBe('apply one');
  await informer.stop();
});

test('reads wait for own writes', async () => {
  const { clock, api, informer, add } = setup();
  informer.start();
  await clock.advance(0);
  api.pauseDelivery();
  const written = await add('a/one');
  let done = false;
  const waiting = informer.untilSeen(written, { signal }).then(() => {
    done = true;
  });
  await clock.advance(0);
  expect(done).toBe(false);
  api.resumeDelivery();
  await waiting;
  expect(informer.get('a/one')).toBeDefined();
  const stop = new AbortController();
  const later = { ...written, metadata: { ...written.metadata, resourceVersion: '99999' } };
  const never = informer.untilSeen(later, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(never).rejects.toThrow('enough');
  await informer.stop();
});

test('of objects that were written together it has seen those that it was told of', async () => {
  const clock = new FakeClock();
  const at = (key: string, resourceVersion: string) => {
    const made = object(widgets, key);
    return { ...made, metadata: { ...made.metadata, resourceVersion } };
  };
  const told: (() => void)[] = [];
  async function* watch() {
    for (const [key, revision] of [
      ['a/one', '5'],
      ['a/two', '5'],
      ['a/one', '6'],
    ] as const) {
      await new Promise<void>((resolve) => told.push(resolve));
      yield { type: 'ADDED', object: at(key, revision) };
    }
    await new Promise(() => undefined);
  }
  const list = async () => ({ items: [], resourceVersion: '4' });
  // Only what an informer calls of a client.
  const client = { list, watch } as unknown as FakeApi;
  const random = seededRandom(1);
  const informer = createInformer(client, widgets, { clock, random, log: silentLog });
  informer.start();
  const next = async () => {
    await clock.advance(0);
    told.shift()?.();
    await clock.advance(0);
    return ['a/one', 'a/two'].map((key) => informer.hasSeen(at(key, '5')));
  };
  await clock.advance(0);
  expect(informer.hasSeen(at('a/any', '4'))).toBe(true);
  expect(await next()).toEqual([true, false]);
  expect(await next()).toEqual([true, true]);
  expect(informer.hasSeen(at('a/one', '6'))).toBe(false);
  await next();
  expect(['5', '6'].map((revision) => informer.hasSeen(at('a/any', revision)))).toEqual([
    true,
    false,
  ]);
  void informer.stop();
});

test('objects enter and leave by selector, and indexes follow', async () => {
  const { clock, api, informer, seen, add } = setup({ labelSelector: 'on=yes' });
  informer.addIndex('size', (o) => [String(o['size'])]);
  informer.start();
  await add('a/one', { size: 1 });
  const key = { namespace: 'a', name: 'one' };
  await api.patch(widgets, key, { metadata: { labels: { on: 'yes' } } }, { signal });
  await clock.advance(0);
  expect(informer.byIndex('size', '1')).toHaveLength(1);
  await api.patch(widgets, key, { size: 2 }, { signal });
  await clock.advance(0);
  expect(informer.byIndex('size', '1')).toHaveLength(0);
  expect(informer.byIndex('size', '2')).toHaveLength(1);
  await api.patch(widgets, key, { metadata: { labels: { on: null } } }, { signal });
  await clock.advance(0);
  expect(informer.byIndex('size', '2')).toHaveLength(0);
  expect(seen.at(-1)).toBe('delete one');
  await informer.stop();
});
