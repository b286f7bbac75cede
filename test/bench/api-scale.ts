/**
 * What the API costs with many objects and many watchers: resident memory and lists with 0, 10,000 and 100,000
 * small ConfigMaps, and how soon 1, 100 and 1,000 watchers have heard of one change. Run: npm run
 * bench:api-scale [-- --objects 0,10000,100000]. Embedded store; prints JSON.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps } from '../../api/resources.gen.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { openStore } from '../../store/index.ts';
import { type BenchPlane, removeDir, residentMiB, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '0,10000,100000' } },
});
const signal = new AbortController().signal;
const namespace = 'default';
const watched = { namespace, name: 'watched' };
const listRuns = 5;
const changes = 10;
const streamsPerConnection = 500;
const windowBytes = 16 * 1024 * 1024;

const rows: unknown[] = [];
for (const objects of values.objects.split(',').map(Number)) rows.push(await withObjects(objects));
console.log(JSON.stringify({ rows, watchers: await fanOut([1, 100, 1_000]) }, null, 2));

/** The objects are there before the server starts: what is measured is holding them, not making them. */
async function withObjects(objects: number) {
  const dataDir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  await seed(join(dataDir, 'store'), objects);
  const plane = await upPlane(dataDir, ['--no-agent']);
  const idleMiB = round(await residentMiB(plane.pid));
  const listMs = objects === 0 ? undefined : await lists(plane, '');
  const listFromCacheMs = objects === 0 ? undefined : await lists(plane, '?resourceVersion=0');
  const afterListsMiB = round(await residentMiB(plane.pid));
  await plane.down();
  await removeDir(dataDir);
  return {
    objects,
    readyMs: round(plane.readyMs),
    idleMiB,
    listMs,
    listFromCacheMs,
    afterListsMiB,
  };
}

async function seed(directory: string, objects: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  const store = await openStore(`embedded:${directory}`);
  const perTxn = 100;
  for (let from = 0; from < objects; from += perTxn) {
    const then = Array.from({ length: Math.min(perTxn, objects - from) }, (_, i) => {
      const name = `bench-${from + i}`;
      const metadata = { name, namespace, uid: name, creationTimestamp: '2026-01-01T00:00:00Z' };
      const data = { payload: 'x'.repeat(200) };
      const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data };
      const key = `core/configmaps/${namespace}/${name}`;
      return { type: 'put', key, value: Buffer.from(JSON.stringify(object)) } as const;
    });
    await store.txn({ compare: [], then, otherwise: [] }, { signal });
  }
  await store.close();
}

/** Without reading what came as JSON: that would measure the client. */
async function lists(plane: BenchPlane, query: string) {
  const session = await sessionOf(plane);
  const runs: number[] = [];
  for (let run = 0; run < listRuns; run += 1) {
    const startedMs = performance.now();
    const stream = session.request({ ':path': `/api/v1/configmaps${query}` });
    stream.resume();
    await new Promise((resolve) => stream.once('end', resolve));
    runs.push(performance.now() - startedMs);
  }
  session.destroy();
  return summary(runs);
}

async function sessionOf({ dataDir }: BenchPlane): Promise<ClientHttp2Session> {
  const { server, ca, cert, key } = loadKubeconfig(join(dataDir, 'kubeconfig'));
  const session = connect(server, {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    settings: { initialWindowSize: windowBytes },
  });
  await new Promise((resolve) => session.once('connect', resolve));
  // Else the window of the connection would hold back a large list.
  session.setLocalWindowSize(windowBytes);
  return session;
}

/** From sending one patch until the last watcher has heard of it. */
async function fanOut(counts: readonly number[]) {
  const plane = await upPlane(undefined, ['--no-agent']);
  const { client } = plane;
  const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: watched, data: {} };
  const { metadata } = await client.create<ConfigMap>(configMaps, object, { signal });
  const results: unknown[] = [];
  for (const watchers of counts) {
    const heard = await watching(plane, watchers, metadata.resourceVersion ?? '');
    const runs: number[] = [];
    for (let change = 0; change < changes; change += 1) {
      const data = { change: `${watchers}-${change}` };
      const all = heard.all(data.change);
      const startedMs = performance.now();
      await client.patch<ConfigMap>(configMaps, watched, { data }, { signal });
      await all;
      runs.push(performance.now() - startedMs);
    }
    heard.close();
    results.push({ watchers, changeToLastWatcherMs: summary(runs) });
  }
  await plane.down();
  await removeDir(plane.dataDir);
  return results;
}

async function watching(plane: BenchPlane, watchers: number, since: string) {
  const sessions: ClientHttp2Session[] = [];
  let [wanted, left, done] = ['', 0, () => {}];
  const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&resourceVersion=${since}`;
  for (let i = 0; i < watchers; i += streamsPerConnection) sessions.push(await sessionOf(plane));
  const opened = Array.from({ length: watchers }, (_, i) => {
    const session = sessions[Math.floor(i / streamsPerConnection)];
    const stream = session?.request({ ':path': path });
    stream?.setEncoding('utf8').on('data', (text: string) => {
      if (wanted === '' || !text.includes(wanted)) return;
      left -= 1;
      if (left === 0) done();
    });
    return new Promise((resolve) => stream?.once('response', resolve));
  });
  await Promise.all(opened);
  return {
    all(change: string): Promise<void> {
      [wanted, left] = [`"${change}"`, watchers];
      return new Promise((resolve) => {
        done = resolve;
      });
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}
