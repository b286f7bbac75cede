/**
 * Small ConfigMaps through the API with 16 clients over HTTPS, beside a bare etcd's compare-and-put with
 * as many callers in the same run. Run: npm run bench:api [-- --objects 2000]. Prints JSON.
 */
import { parseArgs } from 'node:util';
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { openStore } from '../../store/index.ts';
import { startEtcd } from '../harness/etcd.ts';
import { removeDir, residentMiB, round, upPlane } from './berth.ts';

const { values } = parseArgs({ options: { objects: { type: 'string', default: '2000' } } });
const objects = Number(values.objects);
const clients = 16;
const signal = new AbortController().signal;
const payload = 'x'.repeat(200);

const bare = await bareEtcd();
const embedded = await throughApi([]);
const etcd = await startEtcd();
const onEtcd = await throughApi(['--no-agent', '--store', `etcd://${etcd.endpoint}`]);
await etcd.stop();
const ratio = (row: typeof onEtcd) => ({
  create: round2(row.createPerSecond / bare),
  patch: round2(row.patchPerSecond / bare),
});
console.log(
  JSON.stringify(
    {
      objects,
      clients,
      bareEtcdPutsPerSecond: bare,
      embedded,
      etcd: onEtcd,
      overBareEtcd: { embedded: ratio(embedded), etcd: ratio(onEtcd) },
    },
    null,
    2,
  ),
);

/** Compare-and-puts per second of our own etcd store, without anything above it. */
async function bareEtcd(): Promise<number> {
  const server = await startEtcd();
  const store = await openStore(`etcd://${server.endpoint}`);
  const value = Buffer.from(payload);
  const perSecond = await rate(async (i) => {
    const key = `bench/${i}`;
    const put = { type: 'put', key, value } as const;
    await store.txn(
      { compare: [{ key, modRevision: 0n }], then: [put], otherwise: [] },
      { signal },
    );
  });
  await store.close();
  await server.stop();
  return perSecond;
}

async function throughApi(flags: readonly string[]) {
  const plane = await upPlane(undefined, flags);
  const { client } = plane;
  const result = {
    createPerSecond: await rate((i) =>
      client.create<ConfigMap>(configMaps, configMap(i), { signal }),
    ),
    getPerSecond: await rate((i) => client.get<ConfigMap>(configMaps, keyOf(i), { signal })),
    patchPerSecond: await rate((i) => patch(client, i)),
    listMs: await timed(() => client.list<ConfigMap>(configMaps, { namespace: 'default', signal })),
    deletePerSecond: await rate((i) => client.delete(configMaps, keyOf(i), { signal })),
    residentMiB: round(await residentMiB(plane.pid)),
  };
  await plane.down();
  await removeDir(plane.dataDir);
  return result;
}

function keyOf(i: number) {
  return { namespace: 'default', name: `bench-${i}` };
}

function configMap(i: number): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: keyOf(i), data: { payload } };
}

function patch(client: Client, i: number) {
  return client.patch<ConfigMap>(configMaps, keyOf(i), { data: { patched: 'yes' } }, { signal });
}

/** Calls per second over all objects, `clients` at a time. */
async function rate(call: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const startedMs = performance.now();
  const worker = async () => {
    for (let i = next++; i < objects; i = next++) await call(i);
  };
  await Promise.all(Array.from({ length: clients }, worker));
  return Math.round((1_000 * objects) / (performance.now() - startedMs));
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return round(performance.now() - startedMs);
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
