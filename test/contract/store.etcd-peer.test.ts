/** Another client of etcd reads what ours has written, and the other way round: byte for byte. */
import { Etcd3 } from 'etcd3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEtcdStore, type Store } from '../../store/index.ts';
import { startEtcd, type TestEtcd } from '../harness/etcd.ts';
import { never, record } from '../harness/store.ts';

let etcd: TestEtcd;
let store: Store;
let peer: Etcd3;

beforeAll(async () => {
  etcd = await startEtcd();
  store = await openEtcdStore({ endpoints: [etcd.endpoint] });
  peer = new Etcd3({ hosts: `http://${etcd.endpoint}` });
});

afterAll(async () => {
  peer.close();
  await store.close();
  await etcd.stop();
});

const keys = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
const values = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 1_000_000).map((size) => Buffer.alloc(size, 'x')),
);

test('what ours writes another reads, with the same revisions', async () => {
  await fc.assert(
    fc.asyncProperty(keys, values, async (name, value) => {
      const key = `ours/${name}`;
      const before = await store.get(key, never);
      const { revision } = await store.txn(
        {
          compare: [{ key, modRevision: before?.modRevision ?? 0n }],
          then: [{ type: 'put', key, value }],
          otherwise: [],
        },
        never,
      );
      const { kvs } = await peer.get(`/berth/${key}`).exec();
      expect(kvs).toHaveLength(1);
      expect(Buffer.compare(kvs[0]!.value, value)).toBe(0);
      expect(kvs[0]!.mod_revision).toBe(String(revision));
      expect(kvs[0]!.create_revision).toBe(String(before?.createRevision ?? revision));
    }),
    { numRuns: 50 },
  );
});

test('what another writes and deletes ours reads, lists and is told of', async () => {
  const since = await store.revision(never);
  const watching = record(store, 'theirs/', since);
  const written = new Map<string, Uint8Array>();
  let changes = 0;
  await fc.assert(
    fc.asyncProperty(keys, values, async (name, value) => {
      const key = `theirs/${name}`;
      const { header } = await peer.put(`/berth/${key}`).value(Buffer.from(value));
      written.set(key, value);
      changes += 1;
      const entry = await store.get(key, never);
      expect(Buffer.compare(entry!.value, value)).toBe(0);
      expect(String(entry!.modRevision)).toBe(header.revision);
    }),
    { numRuns: 50 },
  );
  const { entries } = await store.list('theirs/', never);
  const inOrder = [...written.keys()].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  expect(entries.map(({ key }) => key)).toEqual(inOrder);
  for (const { key, value } of entries) expect(Buffer.compare(value, written.get(key)!)).toBe(0);
  await peer.delete().prefix('/berth/theirs/');
  await watching.until(changes + 1);
  const sets = await watching.stop();
  const last = sets.at(-1)?.changes ?? [];
  expect(last.map((change) => change.type)).toEqual(inOrder.map(() => 'delete'));
  for (const { previous } of last) {
    expect(Buffer.compare(previous!.value, written.get(previous!.key)!)).toBe(0);
  }
});
