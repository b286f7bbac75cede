import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import type { CniAttachment } from '../../runtime/cni/cni.ts';
import { CniNetworks } from '../../runtime/cni/networks.ts';
import { type InstanceSpec, type Runtime, RuntimeError } from '../../runtime/runtime.ts';
import { AgentHarness, container, waitingReason } from '../../test/harness/agent.ts';
import type { AgentOptions } from '../agent-options.ts';

const named = { annotations: { 'k8s.v1.cni.cncf.io/networks': 'storage' } };
const attachment = (network: string, name: string, address: string): CniAttachment => ({
  network,
  interface: name,
  addresses: [{ address, prefixLength: 24 }],
  dns: { servers: ['10.1.0.53'], searches: ['lan.example'], options: [] },
  routes: [],
  hostInterfaces: [],
});
const both = [attachment('lan', 'eth0', '10.1.0.5'), attachment('storage', 'net1', '10.2.0.5')];

let h: AgentHarness;
let directory: string;
/** What a runtime was asked to attach, and what it answers. */
let asked: InstanceSpec[];
let answer: () => readonly CniAttachment[];
let cni: CniNetworks;

afterEach(async () => {
  await h.clean();
  await rm(directory, { recursive: true, force: true });
});

async function begin(more: Partial<AgentOptions> = {}): Promise<Runtime> {
  h = await AgentHarness.make();
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-'));
  asked = [];
  answer = () => both;
  cni = new CniNetworks({ stateDir: directory, confDir: directory, log: silentLog });
  cni.attachments = async () => (asked.length === 0 ? [] : answer());
  const runtime = h.engine.runtime('node-1');
  runtime.attachNetworks = async (spec) => {
    asked.push(spec);
    return answer();
  };
  h.start({ runtimes: [runtime], cni, ...more });
  return runtime;
}

const messageOf = (pod: ReturnType<AgentHarness['pod']>) =>
  pod?.status?.containerStatuses?.[0]?.state?.waiting?.message;

test('networks are attached before the containers are made, which learn what they are', async () => {
  await begin({ nodeNetwork: 'cni' });
  const valueFrom = { fieldRef: { fieldPath: 'status.podIP' } };
  const containers = [container('main', { env: [{ name: 'POD_IP', valueFrom }] })];
  await h.createPod('web', { containers }, named);
  const { metadata } = await h.untilRunning('web');
  expect(asked[0]).toMatchObject({
    cni: [{ interface: 'eth0' }, { network: 'storage', interface: 'net1' }],
    sharedNetwork: true,
    sharedPorts: [],
    containers: [],
  });
  const [instance] = h.engine.instances.values();
  expect(instance?.containers.get('main')?.at(-1)?.spec.env).toEqual({ POD_IP: '10.1.0.5' });
  const status = JSON.parse(
    metadata.annotations?.['k8s.v1.cni.cncf.io/network-status'] ?? '[]',
  ) as readonly { readonly name: string; readonly ips: readonly string[] }[];
  expect(status.map(({ name, ips }) => [name, ...ips])).toEqual([
    ['lan', '10.1.0.5'],
    ['storage', '10.2.0.5'],
  ]);
});

test('the words of a plugin are told, and it is tried again', async () => {
  await begin();
  const message = 'network "storage": plugin "bridge" failed to ADD: no addresses left (code 11)';
  answer = () => {
    throw new RuntimeError('StartFailed', message);
  };
  await h.createPod('web', {}, named);
  const type = 'PodReadyToStartContainers';
  const failing = await h.untilPod(
    'web',
    ({ status }) => status?.conditions?.some((each) => each.type === type) === true,
  );
  expect(failing.status?.conditions).toContainEqual(
    expect.objectContaining({ status: 'False', reason: 'StartFailed', message }),
  );
  expect(h.engine.instances.size).toBe(0);
  answer = () => both;
  await h.clock.advance(5_000);
  await h.untilRunning('web');
  expect(h.events('web')).toContain('FailedCreatePodSandBox');
});

test('a wrong annotation is what its containers wait for', async () => {
  await begin();
  await h.createPod('web', {}, { annotations: { 'k8s.v1.cni.cncf.io/networks': 'a@b@c' } });
  const waiting = await h.untilPod(
    'web',
    (pod) => waitingReason(pod) === 'CreateContainerConfigError',
  );
  expect(messageOf(waiting)).toContain('annotation k8s.v1.cni.cncf.io/networks "a@b@c"');
  expect(asked).toEqual([]);
});

test('networks that are not sound any more are told, until they are', async () => {
  await begin();
  await h.createPod('web', {}, named);
  await h.untilRunning('web');
  const condition = (pod: ReturnType<AgentHarness['pod']>) =>
    pod?.status?.conditions?.find(({ type }) => type === 'NetworkReady');
  expect(condition(h.pod('web'))).toBeUndefined();
  let trouble: string | undefined = 'network "lan": plugin "bridge" failed to CHECK: no link';
  cni.check = async () => trouble;
  await h.clock.advance(61_000);
  await h.clock.advance(61_000);
  const broken = await h.untilPod('web', (pod) => condition(pod)?.status === 'False');
  expect(condition(broken)).toMatchObject({ reason: 'CheckFailed', message: trouble });
  expect(h.events('web')).toContain('NetworkCheckFailed');
  trouble = undefined;
  await h.clock.advance(61_000);
  await h.untilPod('web', (pod) => condition(pod)?.status === 'True');
});

test('what nobody has any more is given back, and only once the API has answered', async () => {
  await begin();
  const detached: string[] = [];
  const holders = ['lost'];
  cni.holders = async () => holders;
  cni.detach = async (id) => {
    detached.push(id);
    holders.length = 0;
  };
  await h.clock.advance(61_000);
  await h.until(() => (detached.length > 0 ? true : undefined));
  expect(detached).toEqual(['lost']);
});
