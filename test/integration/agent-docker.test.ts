import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAgent } from '../../agent/agent.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import { configMaps, leases, nodes, pods, secrets } from '../../api/resources.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { FakeApi, object } from '../harness/fake-api.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';

const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const signal = new AbortController().signal;
const key = { namespace: 'default', name: 'web' };

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
  dataDir = await mkdtemp(join(tmpdir(), 'berth-agent-docker-'));
  const kinds = [pods, nodes, leases, configMaps, secrets];
  api = new FakeApi({ clock: systemClock, random: systemRandom, kinds });
  startAgent();
});

afterEach(async () => {
  await stopAgent();
  for (const one of await containers()) {
    await docker.getContainer(one.Id).remove({ force: true, v: true });
  }
  await rm(dataDir, { recursive: true });
});

const containers = () =>
  docker.listContainers({ all: true, filters: { label: [`berth.dev/node=${nodeName}`] } });

async function untilPod(is: (pod: Pod | undefined) => boolean): Promise<Pod | undefined> {
  for (let i = 0; i < 600; i += 1) {
    const pod = api.peek<Pod>(pods, 'default/web');
    if (is(pod)) return pod;
    await systemClock.sleep(25);
  }
  throw new Error(`waited too long: ${JSON.stringify(api.peek<Pod>(pods, 'default/web')?.status)}`);
}

function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}

test('a pod from creation over restart and stop to deletion', async () => {
  const data = { 'index.html': 'hello' };
  await api.create(configMaps, object(configMaps, 'default/site', { data }), { signal });
  const rest = "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done";
  const shell = (script: string) => ['/bin/sh', '-c', script];
  await api.create<Pod>(
    pods,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...key },
      spec: {
        nodeName,
        // busybox httpd as process 1 does not listen to SIGTERM.
        terminationGracePeriodSeconds: 1,
        volumes: [{ name: 'site', configMap: { name: 'site' } }],
        containers: [
          {
            name: 'web',
            image: busyboxImage,
            command: ['httpd', '-f', '-p', '8080', '-h', '/site'],
            volumeMounts: [{ name: 'site', mountPath: '/site' }],
          },
          {
            name: 'probe',
            image: busyboxImage,
            command: shell(`until wget -qO- 127.0.0.1:8080; do sleep 0.1; done; ${rest}`),
          },
        ],
      },
    },
    { signal },
  );
  const running = await untilPod(isReady);
  expect(running?.status?.podIP).toMatch(/^\d+\./);

  const page = await fetch(`http://${running?.status?.podIP}:8080/index.html`);
  expect(await page.text()).toBe('hello');

  const id = running?.status?.containerStatuses?.[0]?.containerID?.replace('docker://', '') ?? '';
  await docker.getContainer(id).kill();
  const again = await untilPod(
    (pod) => isReady(pod) && pod?.status?.containerStatuses?.[0]?.restartCount === 1,
  );
  expect(again?.status?.podIP).toBe(running?.status?.podIP);
  expect(again?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);

  const pids = async () => (await containers()).map((one) => one.Id).sort();
  const before = await pids();
  await stopAgent();
  startAgent();
  await systemClock.sleep(500);
  expect(await pids()).toEqual(before);
  expect(isReady(api.peek<Pod>(pods, 'default/web'))).toBe(true);

  const annotations = { 'berth.dev/running': 'false' };
  await api.patch(pods, key, { metadata: { annotations } }, { signal });
  await untilPod((pod) => pod?.status?.reason === 'Stopped');
  expect((await containers()).filter((one) => one.State === 'running')).toEqual([]);
  const none = { 'berth.dev/running': null };
  await api.patch(pods, key, { metadata: { annotations: none } }, { signal });
  await untilPod(isReady);

  await api.delete(pods, key, { signal, gracePeriodSeconds: 3 });
  await untilPod((pod) => pod === undefined);
  expect(await containers()).toEqual([]);
}, 120_000);

test('a start that the engine refuses is told in its words', async () => {
  const container = { name: 'main', image: busyboxImage, command: ['/absent'] };
  const spec = { nodeName, containers: [container] };
  const metadata = { ...key };
  await api.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }, { signal });
  const pod = await untilPod(
    (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  expect(pod?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
    reason: 'ContainerCannotRun',
    exitCode: 127,
    message: expect.stringContaining('/absent'),
  });
  expect(await containers()).toEqual([]);
});
