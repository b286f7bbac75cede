import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEtcdStore, openStore, type Store, StoreError } from '../../store/index.ts';
import { makeCerts } from '../harness/certs.ts';
import { startCutProxy } from '../harness/cut-proxy.ts';
import { freePort, startEtcd, type TestEtcd } from '../harness/etcd.ts';
import {
  describeSet,
  never,
  put,
  putting,
  reasonOf,
  record,
  text,
  write,
} from '../harness/store.ts';

let etcd: TestEtcd;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  etcd = await startEtcd();
  cleanups.push(() => etcd.stop());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: Partial<Parameters<typeof openEtcdStore>[0]> = {}): Promise<Store> {
  const store = await openEtcdStore({ endpoints: [etcd.endpoint], ...options });
  cleanups.push(() => store.close());
  return store;
}

test('kill -9 of etcd: what was acknowledged stays, watches lose and double nothing', {
  timeout: 120_000,
}, async () => {
  const store = await open();
  const start = await store.revision(never);
  const watching = record(store, 'k/', start);
  const acknowledged = new Map<bigint, string>();
  let isOver = false;
  let unavailable = 0;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let i = 0; !isOver; i += 1) {
      const value = `${writer} ${i}`;
      try {
        acknowledged.set(await put(store, `k/${writer}`, value), value);
      } catch (error) {
        if (!(error instanceof StoreError) || error.reason !== 'Unavailable') throw error;
        unavailable += 1;
        await sleep(20);
      }
    }
  });
  for (let kill = 0; kill < 3; kill += 1) {
    await sleep(300);
    await etcd.kill();
    await etcd.start();
  }
  await sleep(500);
  isOver = true;
  await Promise.all(writers);
  expect(unavailable).toBeGreaterThan(0);
  const last = await put(store, 'k/last', 'last');
  await watching.through(last);
  const sets = await watching.stop();
  // Each revision once, without gaps: writes that failed ambiguously may be among them.
  expect(sets.map(({ revision }) => revision)).toEqual(
    Array.from({ length: Number(last - start) }, (_, i) => start + BigInt(i) + 1n),
  );
  const heard = new Map(sets.map((set) => [set.revision, describeSet(set).split('=')[1]]));
  for (const [revision, value] of acknowledged) {
    expect(heard.get(revision)?.startsWith(value)).toBe(true);
  }
});

test('a connection cut in the middle of history costs nothing', { timeout: 120_000 }, async () => {
  const proxy = await startCutProxy(etcd.endpoint);
  cleanups.push(() => proxy.close());
  const direct = await open();
  const start = await direct.revision(never);
  // Sets of 20 writes and 200 kB each, so that responses are split in the middle of a revision.
  const value = 'v'.repeat(10_000);
  const count = 60;
  for (let i = 0; i < count; i += 1) {
    const keys = Array.from({ length: 20 }, (_, k) => `h/${String(k).padStart(2, '0')}`);
    await write(direct, ...keys.map((key) => putting(key, `${i} ${value}`)));
  }
  const store = await open({ endpoints: [proxy.endpoint] });
  // Always a little further than before, so that each stream breaks somewhere else.
  let allowance = 100_000;
  const before = proxy.connections;
  proxy.cutAfterBytes(allowance);
  const widening = setInterval(() => {
    allowance += 900_000;
    proxy.cutAfterBytes(allowance);
  }, 300);
  cleanups.push(() => clearInterval(widening));
  const watching = record(store, 'h/', start);
  await watching.through(start + BigInt(count));
  expect(proxy.connections - before).toBeGreaterThan(3);
  const sets = await watching.stop();
  expect(sets.map(({ revision }) => revision)).toEqual(
    Array.from({ length: count }, (_, i) => start + BigInt(i) + 1n),
  );
  for (const [i, { changes }] of sets.entries()) {
    expect(changes.length).toBe(20);
    for (const change of changes) {
      expect(change.type === 'put' && text(change.entry.value)).toBe(`${i} ${value}`);
      expect(text(change.previous?.value)).toBe(i === 0 ? undefined : `${i - 1} ${value}`);
    }
  }
});

test('a watch cut again and again during writes misses and doubles nothing', {
  timeout: 120_000,
}, async () => {
  const proxy = await startCutProxy(etcd.endpoint);
  cleanups.push(() => proxy.close());
  const direct = await open();
  const store = await open({ endpoints: [proxy.endpoint] });
  const start = await direct.revision(never);
  const watching = record(store, 'c/', start);
  for (let i = 0; i < 300; i += 1) {
    await write(direct, putting('c/1', `${i}`), putting('c/2', `${i}`), putting('d', 'x'));
    if (i % 20 === 10) proxy.cut();
  }
  await watching.through(start + 300n);
  const sets = await watching.stop();
  expect(sets.map((set) => [set.revision, set.changes.length])).toEqual(
    Array.from({ length: 300 }, (_, i) => [start + BigInt(i) + 1n, 2]),
  );
});

test('compaction beyond a cut watch is said, not hidden', { timeout: 120_000 }, async () => {
  const proxy = await startCutProxy(etcd.endpoint);
  cleanups.push(() => proxy.close());
  const direct = await open();
  const store = await open({ endpoints: [proxy.endpoint] });
  await put(direct, 'a', '1');
  const watching = record(store, 'a', await direct.revision(never));
  await put(direct, 'a', '2');
  await watching.until(1);
  proxy.cutAfterBytes(0);
  proxy.cut();
  await put(direct, 'a', '3');
  await direct.compact(await put(direct, 'a', '4'), never);
  proxy.cutAfterBytes(undefined);
  expect(await reasonOf(watching.ended)).toBe('Compacted');
  expect(watching.sets.length).toBe(1);
});

test('a write whose answer is lost is Unavailable and not repeated; reads are repeated', {
  timeout: 120_000,
}, async () => {
  const proxy = await startCutProxy(etcd.endpoint);
  cleanups.push(() => proxy.close());
  const direct = await open();
  const store = await open({ endpoints: [proxy.endpoint] });
  const before = await put(store, 'a', '1');
  proxy.freeze(true);
  const losing = reasonOf(put(store, 'a', '2'));
  const reading = store.get('a', never);
  await sleep(200);
  proxy.freeze(false);
  proxy.cut();
  expect(await losing).toBe('Unavailable');
  expect(text((await reading)?.value)).toBe('1');
  expect(await direct.revision(never)).toBe(before);
});

test('without any etcd calls end as Unavailable, in time', { timeout: 120_000 }, async () => {
  const store = await open({ callTimeoutMs: 1_000 });
  await etcd.kill();
  const startedAt = performance.now();
  expect(await reasonOf(store.get('a', never))).toBe('Unavailable');
  expect(await reasonOf(put(store, 'a', '1'))).toBe('Unavailable');
  expect(performance.now() - startedAt).toBeLessThan(30_000);
  await etcd.start();
  expect(await put(store, 'a', '1')).toBe(2n);
  const nobody = openEtcdStore({
    endpoints: [`127.0.0.1:${await freePort()}`],
    callTimeoutMs: 500,
  });
  expect(await reasonOf(nobody)).toBe('Unavailable');
});

test('of two endpoints one may be dead, and either may die', { timeout: 120_000 }, async () => {
  const dead = `127.0.0.1:${await freePort()}`;
  const proxies = [await startCutProxy(etcd.endpoint), await startCutProxy(etcd.endpoint)];
  cleanups.push(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const [one, two] = proxies;
  const store = await open({ endpoints: [dead, one?.endpoint ?? '', two?.endpoint ?? ''] });
  const start = await store.revision(never);
  const watching = record(store, '', start);
  for (let i = 1; i <= 20; i += 1) await put(store, 'a', String(i));
  await one?.close();
  for (let i = 21; i <= 40; i += 1) {
    // The write that is on its way when the connection breaks is the caller's to repeat.
    await put(store, 'a', String(i)).catch(() => put(store, 'a', String(i)));
  }
  await watching.through(start + 40n);
  const values = (await watching.stop()).map((set) => describeSet(set).split(/[= ]/)[2]);
  expect([...new Set(values)]).toEqual(Array.from({ length: 40 }, (_, i) => String(i + 1)));
});

test('TLS: with the right authority and certificate only', { timeout: 120_000 }, async () => {
  const certs = makeCerts();
  cleanups.push(() => certs.remove());
  const secure = await startEtcd({ tls: certs });
  cleanups.push(() => secure.stop());
  const [ca, cert, key] = [certs.ca, certs.cert, certs.key].map((path) => readFileSync(path)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const store = await openStore(`etcds://${secure.endpoint}`, { tls: { ca, cert, key } });
  cleanups.push(() => store.close());
  const watching = record(store, '', await store.revision(never));
  await put(store, 'a', '1');
  await watching.until(1);
  await watching.stop();
  const callTimeoutMs = 500;
  for (const tls of [{ ca }, 'system' as const]) {
    expect(await reasonOf(openStore(`etcds://${secure.endpoint}`, { tls, callTimeoutMs }))).toBe(
      'Unavailable',
    );
  }
  expect(await reasonOf(openStore(`etcd://${secure.endpoint}`, { callTimeoutMs }))).toBe(
    'Unavailable',
  );
});

test('user and password', { timeout: 120_000 }, async () => {
  etcd.ctl('user', 'add', 'root:secret');
  etcd.ctl('user', 'grant-role', 'root', 'root');
  etcd.ctl('auth', 'enable');
  const store = await open({ auth: { username: 'root', password: 'secret' } });
  const watching = record(store, '', await store.revision(never));
  await put(store, 'a', '1');
  await watching.until(1);
  // Its tokens die with it.
  await etcd.kill();
  await etcd.start();
  await put(store, 'a', '2');
  await watching.until(2);
  await watching.stop();
  const wrong = { username: 'root', password: 'wrong' };
  expect(await reasonOf(open({ auth: wrong, callTimeoutMs: 500 }))).toBe('Unavailable');
});

test('a full etcd says NoSpace, and still reads and deletes', { timeout: 120_000 }, async () => {
  const small = await startEtcd({ flags: ['--quota-backend-bytes=2000000'] });
  cleanups.push(() => small.stop());
  const store = await open({ endpoints: [small.endpoint] });
  const value = Buffer.alloc(500_000, 1);
  const filling = async () => {
    for (let i = 0; i < 50; i += 1) await write(store, { type: 'put', key: `f/${i}`, value });
  };
  expect(await reasonOf(filling())).toBe('NoSpace');
  expect((await store.list('f/', never)).entries.length).toBeGreaterThan(0);
  const deleted = await write(store, { type: 'delete', key: 'f/0' });
  expect(deleted.entries[0]?.value.length).toBe(500_000);
});
