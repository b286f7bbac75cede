/**
 * Small ConfigMaps through the API with 1 and 16 clients over HTTPS, beside a bare etcd's compare-and-put
 * with as many callers in the same run. Run: npm run bench:api [-- --objects 2000]. Prints JSON.
 */
import { parseArgs } from 'node:util';
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { openStore } from '../../store/index.ts';
import { startEtcd } from '../harness/etcd.ts';
import { cpuSeconds, removeDir, residentMiB, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({ options: { objects: { type: 'string', default: '2000' } } });
const objects = Number(values.objects);
const signal = new AbortController().signal;
const payload = 'x'.repeat(200);

const rows: unknown[] = [];
for (const clients of [1, 16]) {
  const bare = await bareEtcd(clients);
  const embedded = await throughApi(clients, []);
  const etcd = await startEtcd();
  const onEtcd = await throughApi(clients, ['--store', `etcd://${etcd.endpoint}`]);
  await etcd.stop();
  const overBareEtcd = {
    create: round2(onEtcd.createPerSecond / bare),
    patch: round2(onEtcd.patchPerSecond / bare),
    apply: round2(onEtcd.applyPerSecond / bare),
    delete: round2(onEtcd.deletePerSecond / bare),
  };
  rows.push({ clients, bareEtcdPutsPerSecond: bare, embedded, etcd: onEtcd, overBareEtcd });
}
console.log(JSON.stringify({ objects, rows }, null, 2));

/** Compare-and-puts per second of our own etcd store, without anything above it. */
async function bareEtcd(clients: number): Promise<number> {
  const server = await startEtcd();
  const store = await openStore(`etcd://${server.endpoint}`);
  const value = Buffer.from(payload);
  const perSecond = await rate(clients, async (i) => {
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

async function throughApi(clients: number, flags: readonly string[]) {
  const plane = await upPlane(undefined, ['--no-agent', ...flags]);
  const { client } = plane;
  const cpuMsPerCall: Record<string, number> = {};
  /** Of the server alone, with all it does beside: its controllers hear of each change too. */
  const measured = async (name: string, call: (i: number) => Promise<unknown>) => {
    const before = await cpuSeconds(plane.pid);
    const perSecond = await rate(clients, call);
    cpuMsPerCall[name] = round2((1_000 * ((await cpuSeconds(plane.pid)) - before)) / objects);
    return perSecond;
  };
  const createPerSecond = await measured('create', (i) =>
    client.create<ConfigMap>(configMaps, configMap(i), { signal }),
  );
  const getPerSecond = await measured('get', (i) =>
    client.get<ConfigMap>(configMaps, keyOf(i), { signal }),
  );
  const watch = await watchChanges(client);
  const patchPerSecond = await measured('patch', async (i) => {
    await patch(client, i);
    watch.answered(i);
  });
  const eventAfterAnswerMs = await watch.end();
  const applyPerSecond = await measured('apply', (i) => apply(client, i));
  const result = {
    createPerSecond,
    getPerSecond,
    patchPerSecond,
    applyPerSecond,
    eventAfterAnswerMs,
    listMs: await timed(() => client.list<ConfigMap>(configMaps, { namespace: 'default', signal })),
    deletePerSecond: await measured('delete', (i) =>
      client.delete(configMaps, keyOf(i), { signal }),
    ),
    cpuMsPerCall,
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

function apply(client: Client, i: number) {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: keyOf(i),
    data: { applied: 'yes' },
  };
  return client.apply<ConfigMap>(configMaps, object, { fieldManager: 'bench', signal });
}

/** How much later than a patch's answer one watcher hears of it; 0 when it heard of it before. */
async function watchChanges(client: Client) {
  const stop = new AbortController();
  const options = { namespace: 'default', signal: stop.signal };
  const { resourceVersion } = await client.list<ConfigMap>(configMaps, options);
  const answeredMs = new Map<string, number>();
  const heardMs = new Map<string, number>();
  const listening = (async () => {
    const watch = { ...options, resourceVersion };
    for await (const event of client.watch<ConfigMap>(configMaps, watch)) {
      if (event.type !== 'BOOKMARK')
        heardMs.set(event.object.metadata.name ?? '', performance.now());
      if (heardMs.size === objects) return;
    }
  })();
  return {
    answered: (i: number) => answeredMs.set(keyOf(i).name, performance.now()),
    async end() {
      await listening;
      stop.abort();
      const lags = [...answeredMs].map(([name, ms]) => (heardMs.get(name) ?? ms) - ms);
      return summary(lags.map((ms) => Math.max(0, ms)));
    },
  };
}

/** Calls per second over all objects, `clients` at a time. */
async function rate(clients: number, call: (i: number) => Promise<unknown>): Promise<number> {
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
