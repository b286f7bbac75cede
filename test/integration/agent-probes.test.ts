/** What of probes, hooks and last words only a Docker engine can show; `test/contract/pod.ts` has the rest. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAgent } from '../../agent/agent.ts';
import type { Container, ContainerStatus, Event, Pod, PodSpec } from '../../api/kinds.gen.ts';
import { events, leases, nodes, pods } from '../../api/resources.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { FakeApi } from '../harness/fake-api.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';

const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const signal = new AbortController().signal;
const key = { namespace: 'default', name: 'web' };
const rest = "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done";
const shell = (script: string) => ['/bin/sh', '-c', script];

let nodeName: string;
let dataDir: string;
let api: FakeApi;
let stop: AbortController;
let ended: Promise<void>;

function startAgent(): void {
  stop = new AbortController();
  ended = runAgent({
    nodeName,
    client: api,
    runtimes: [createDockerRuntime({ nodeId: nodeName, clock: systemClock, log: silentLog })],
    dataDir,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: stop.signal,
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
  });
}

async function stopAgent(): Promise<void> {
  stop.abort();
  await ended;
}

beforeEach(async () => {
  await loadBusyboxImage(docker);
  nodeName = `node-${randomUUID().slice(0, 8)}`;
  dataDir = await mkdtemp(join(tmpdir(), 'berth-probes-'));
  api = new FakeApi({
    clock: systemClock,
    random: systemRandom,
    kinds: [pods, nodes, leases, events],
  });
  startAgent();
});

afterEach(async () => {
  await stopAgent();
  const filters = { label: [`berth.dev/node=${nodeName}`] };
  for (const one of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(one.Id).remove({ force: true, v: true });
  }
  await rm(dataDir, { recursive: true });
});

async function create(main: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<void> {
  const containers = [{ name: 'main', image: busyboxImage, command: shell(rest), ...main }];
  const pod = { metadata: { ...key }, spec: { nodeName, containers, ...spec } };
  await api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', ...pod }, { signal });
}

const peek = () => api.peek<Pod>(pods, 'default/web');

async function untilMain(is: (main: ContainerStatus) => boolean): Promise<ContainerStatus> {
  for (let i = 0; i < 600; i += 1) {
    const main = peek()?.status?.containerStatuses?.[0];
    if (main !== undefined && is(main)) return main;
    await systemClock.sleep(25);
  }
  throw new Error(`waited too long: ${JSON.stringify(peek()?.status)}`);
}

async function untilGone(): Promise<void> {
  for (let i = 0; i < 600 && peek() !== undefined; i += 1) await systemClock.sleep(25);
  expect(peek()).toBeUndefined();
}

/** What a command prints inside the running container. */
async function inside(command: readonly string[]): Promise<string> {
  const runtime = createDockerRuntime({ nodeId: nodeName, clock: systemClock, log: silentLog });
  const session = await runtime.exec(peek()?.metadata.uid ?? '', {
    container: 'main',
    command,
    tty: false,
    stdin: false,
    signal,
  });
  let all = '';
  for await (const chunk of session.stdout) all += chunk;
  await session.exit;
  return all;
}

const told = (reason: string) =>
  api
    .all<Event>(events)
    .filter((each) => each.reason === reason)
    .map((each) => each.message);

test('a command that hangs has failed, and is not left behind', async () => {
  await create({ readinessProbe: { exec: { command: ['sleep', '1234'] }, periodSeconds: 1 } });
  await untilMain(({ state }) => state?.running !== undefined);
  await systemClock.sleep(4_500);
  expect(told('Unhealthy')[0]).toContain('command timed out: "sleep 1234" timed out after 1s');
  const left = (await inside(['ps', '-o', 'args'])).split('\n').filter((one) => /1234/.test(one));
  expect(left.length).toBeLessThanOrEqual(1);
}, 120_000);

test('a server is asked at the address of its pod', async () => {
  const httpGet = { path: '/index.html', port: 'http' };
  await create(
    {
      command: shell(
        'mkdir /www; sleep 1; echo hi >/www/index.html; exec httpd -f -p 8080 -h /www',
      ),
      ports: [{ name: 'http', containerPort: 8080 }],
      startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 10 },
      readinessProbe: { httpGet, periodSeconds: 1 },
      livenessProbe: { httpGet, periodSeconds: 1 },
    },
    { terminationGracePeriodSeconds: 1 },
  );
  await untilMain((main) => main.ready && main.started === true);
  expect(told('Unhealthy').join()).toMatch(/Startup probe failed: dial tcp .*:8080: connect: conn/);
  await inside(['rm', '/www/index.html']);
  const again = await untilMain(({ restartCount, ready }) => restartCount === 1 && ready);
  expect(again.lastState?.terminated).toBeDefined();
  expect(told('Killing')).toContain('Container main failed liveness probe, will be restarted');
}, 120_000);

test('a preStop hook that takes too long is cut off with its container', async () => {
  await create({ lifecycle: { preStop: { exec: { command: ['sleep', '600'] } } } });
  await untilMain((main) => main.ready);
  const beganMs = Date.now();
  await api.delete(pods, key, { signal, gracePeriodSeconds: 2 });
  await untilGone();
  expect(Date.now() - beganMs).toBeGreaterThan(1_900);
  expect(Date.now() - beganMs).toBeLessThan(60_000);
}, 120_000);

test('last words: from the file, and from the log where it is asked for', async () => {
  await create(
    { command: shell('echo noise; echo -n out of cheese >/dev/termination-log; exit 3') },
    { restartPolicy: 'Never' },
  );
  const one = await untilMain(({ state }) => state?.terminated !== undefined);
  expect(one.state?.terminated).toMatchObject({ exitCode: 3, message: 'out of cheese' });
  await api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
  await untilGone();
  const terminationMessagePolicy = 'FallbackToLogsOnError';
  await create(
    {
      command: shell('echo last line; exit 4'),
      terminationMessagePolicy,
      securityContext: { runAsUser: 1000, readOnlyRootFilesystem: true },
    },
    { restartPolicy: 'Never' },
  );
  const two = await untilMain(({ state }) => state?.terminated !== undefined);
  expect(two.state?.terminated).toMatchObject({ exitCode: 4, message: 'last line\n' });
}, 120_000);
