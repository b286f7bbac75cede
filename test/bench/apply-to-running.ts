/**
 * From a pod accepted by the API to its container running, beside `docker run -d` and the engine's bare
 * create and start, in turns within one run. Run: npm run bench:apply [-- --runs 20]. Prints JSON.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import Docker from 'dockerode';
import type { Pod } from '../../api/kinds.gen.ts';
import { pods } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';
import { removeDir, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' } } });
const runs = Number(values.runs);
const run = promisify(execFile);
const signal = new AbortController().signal;
const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const command = ['sleep', '1000'];

await loadBusyboxImage();
const plane = await upPlane();
const berthMs: number[] = [];
const cliMs: number[] = [];
const engineMs: number[] = [];
for (let i = 0; i < runs; i += 1) {
  berthMs.push(await podToRunning(plane.client, `bench-${i}`));
  cliMs.push(
    await timed(() =>
      run('docker', ['run', '-d', '--name', `bench-cli-${i}`, busyboxImage, ...command]),
    ),
  );
  engineMs.push(await timed(() => createAndStart(`bench-engine-${i}`)));
  await Promise.all(
    [`bench-cli-${i}`, `bench-engine-${i}`].map((name) =>
      docker.getContainer(name).remove({ force: true }),
    ),
  );
}
await untilRemoved();
await plane.down();
await removeDir(plane.dataDir);
const [berth, cli, engine] = [summary(berthMs), summary(cliMs), summary(engineMs)];
console.log(
  JSON.stringify(
    {
      berthMs: berth,
      dockerRunMs: cli,
      engineMs: engine,
      berthOverDockerRun: round(berth.median / cli.median),
      berthOverEngine: round(berth.median / engine.median),
    },
    null,
    2,
  ),
);

async function podToRunning(client: Client, name: string): Promise<number> {
  const startedMs = performance.now();
  const pod = await client.create<Pod>(
    pods,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image: busyboxImage, command: [...command] }],
      },
    } as Pod, // The rest is the server's to default.
    { signal },
  );
  await until(
    client,
    name,
    pod.metadata.resourceVersion ?? '0',
    (event, seen) => event !== 'DELETED' && seen.status?.phase === 'Running',
  );
  const takenMs = performance.now() - startedMs;
  const current = await client.get<Pod>(pods, { namespace: 'default', name }, { signal });
  await client.delete(pods, { namespace: 'default', name }, { signal, gracePeriodSeconds: 0 });
  await until(
    client,
    name,
    current.metadata.resourceVersion ?? '0',
    (event) => event === 'DELETED',
  );
  return takenMs;
}

/** The API forgets a pod before its container has gone; nothing may be left when the agent stops. */
async function untilRemoved(): Promise<void> {
  const name = ['berth_default_bench-'];
  while ((await docker.listContainers({ all: true, filters: { name } })).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

async function until(
  client: Client,
  name: string,
  resourceVersion: string,
  reached: (event: string, pod: Pod) => boolean,
): Promise<void> {
  const fieldSelector = `metadata.name=${name}`;
  for await (const event of client.watch<Pod>(pods, {
    namespace: 'default',
    fieldSelector,
    resourceVersion,
    signal,
  }))
    if (event.type !== 'BOOKMARK' && reached(event.type, event.object)) return;
}

async function createAndStart(name: string): Promise<void> {
  const container = await docker.createContainer({ name, Image: busyboxImage, Cmd: command });
  await container.start();
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}
