import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcdStore } from '../../store/index.ts';
import { startEtcd, type TestEtcd } from '../harness/etcd.ts';
import { never, put, putting, record, text } from '../harness/store.ts';
import { storeContract } from './store.ts';

let etcd: TestEtcd;
let places = 0;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(() => etcd.stop());

test('a fresh etcd store begins at revision 1', async () => {
  const store = await openEtcdStore({ endpoints: [etcd.endpoint] });
  expect(await store.revision(never)).toBe(1n);
  await store.close();
});

test('keys lie under the prefix, apart from those of others', async () => {
  const store = await openEtcdStore({ endpoints: [etcd.endpoint] });
  const other = await openEtcdStore({ endpoints: [etcd.endpoint], keyPrefix: '/berth2' });
  await put(store, 'pods/a', 'x');
  await put(other, 'pods/b', 'y');
  expect(etcd.ctl('get', '--prefix', '--keys-only', '/berth').split('\n').filter(Boolean)).toEqual([
    '/berth/pods/a',
    '/berth2/pods/b',
  ]);
  const { entries, remaining } = await store.list('', never);
  expect([entries.map(({ key }) => key), remaining]).toEqual([['pods/a'], 0]);
  await Promise.all([store.close(), other.close()]);
});

test('writes that share a revision are few to etcd, and each is judged and told on its own', async () => {
  const store = await openEtcdStore({ endpoints: [etcd.endpoint], keyPrefix: '/shared' });
  const start = await store.revision(never);
  await put(store, 'e/7', 'before');
  const watching = record(store, 'e/', start);
  const create = (i: number) =>
    store.txn(
      {
        compare: [{ key: `e/${i}`, modRevision: 0n }],
        then: [putting(`e/${i}`, String(i))],
        otherwise: [],
        sharesRevision: true,
      },
      never,
    );
  const twice = Array.from({ length: 100 }, (_, i) => i).flatMap((i) => [i, i]);
  const results = await Promise.all(twice.map(create));
  const won = results.filter(({ succeeded }) => succeeded);
  expect(won).toHaveLength(99);
  expect(new Set(won.map(({ revision }) => revision)).size).toBeLessThan(50);
  const { entries } = await store.list('e/', never);
  for (const { key, value, modRevision } of entries) {
    const i = Number(key.slice(2));
    expect(text(value)).toBe(i === 7 ? 'before' : String(i));
    const mine = results.filter((_, at) => twice[at] === i && results[at]?.succeeded);
    expect(mine.map(({ revision }) => revision)).toEqual(i === 7 ? [] : [modRevision]);
  }
  await watching.until(new Set(entries.map(({ modRevision }) => modRevision)).size);
  const sets = await watching.stop();
  expect(sets.flatMap(({ changes }) => changes)).toHaveLength(100);
  await store.close();
});

storeContract('etcd', async () => {
  places += 1;
  const keyPrefix = `/place/${places}`;
  return {
    // What is asked here is what an answer says, not how soon it comes on a busy machine.
    open: () =>
      openEtcdStore({
        endpoints: [etcd.endpoint],
        keyPrefix,
        attemptTimeoutMs: 30_000,
        callTimeoutMs: 60_000,
      }),
    remove: async () => {
      etcd.ctl('del', '--prefix', keyPrefix);
    },
  };
});
