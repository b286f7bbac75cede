import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcdStore } from '../../store/index.ts';
import { startEtcd, type TestEtcd } from '../harness/etcd.ts';
import { never, put } from '../harness/store.ts';
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

storeContract('etcd', async () => {
  places += 1;
  const keyPrefix = `/place/${places}`;
  return {
    open: () => openEtcdStore({ endpoints: [etcd.endpoint], keyPrefix }),
    remove: async () => {
      etcd.ctl('del', '--prefix', keyPrefix);
    },
  };
});
