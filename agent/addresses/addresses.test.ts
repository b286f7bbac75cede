import { afterEach, expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { ipPools, ipReservations } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import type { FakeEngine } from '../../runtime/fake/fake.ts';
import { RuntimeError } from '../../runtime/runtime.ts';
import { AgentHarness, container, waitingReason } from '../../test/harness/agent.ts';
import { object } from '../../test/harness/fake-api.ts';
import type { AgentOptions } from '../agent-options.ts';

const signal = new AbortController().signal;
const key = { namespace: 'default', name: 'db' };
const named = { annotations: { 'berth.dev/ip-reservation': 'db' } };
let h: AgentHarness;

afterEach(async () => {
  await h.clean();
});

async function begin(more: (engine: FakeEngine) => Partial<AgentOptions> = () => ({})) {
  h = await AgentHarness.make();
  const pool = { spec: { cidr: '10.66.0.0/24', gateway: '10.66.0.1', bridge: 'br9' } };
  await h.api.create(ipPools, object(ipPools, 'blue', pool), { signal });
  const reservation = object(ipReservations, 'default/db', { spec: { pool: 'blue' } });
  await h.api.create(ipReservations, reservation, { signal });
  h.start(more(h.engine));
}

/** As its controller does. */
async function give(pod: Pod): Promise<void> {
  const holder = { kind: 'Pod', name: 'web', uid: pod.metadata.uid ?? '' };
  const status = { address: '10.66.0.7', mac: '02:be:0a:42:00:07', holder };
  await h.api.patch(ipReservations, key, { status }, { subresource: 'status', signal });
}

const messageOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.message;

test('a pod waits for its address, says so, and starts with it', async () => {
  await begin();
  const valueFrom = { fieldRef: { fieldPath: 'status.podIP' } };
  const containers = [container('main', { env: [{ name: 'POD_IP', valueFrom }] })];
  const created = await h.createPod('web', { containers }, named);
  const waiting = await h.untilPod('web', (pod) => waitingReason(pod) === 'AddressPending');
  expect(messageOf(waiting)).toBe('ipreservation "db" has no address yet');
  expect(await h.instance(created.metadata.uid)).toBeUndefined();
  await give(created);
  await h.clock.advance(1_000);
  const { status } = await h.untilRunning('web');
  expect(status).toMatchObject({ podIP: '10.66.0.7', podIPs: [{ ip: '10.66.0.7' }] });
  const [instance] = h.engine.instances.values();
  expect(instance?.containers.get('main')?.at(-1)?.spec.env).toEqual({ POD_IP: '10.66.0.7' });
});

test('an address that another one holds is not used', async () => {
  await begin();
  await give({ ...(await h.createPod('other')), metadata: { uid: 'another' } });
  await h.createPod('web', {}, named);
  const waiting = await h.untilPod('web', (pod) => waitingReason(pod) === 'AddressPending');
  expect(messageOf(waiting)).toBe('ipreservation "db" is held by Pod "web"');
});

test('an address that somebody answers for is told, with their MAC, and tried again', async () => {
  const message = 'address 10.66.0.7 of pool "blue" is in use by 02:00:00:00:00:01';
  let isTaken = true;
  await begin((engine) => {
    const runtime = engine.runtime('node-1');
    const ensure = runtime.ensure.bind(runtime);
    runtime.ensure = async (spec, options) => {
      if (isTaken) throw new RuntimeError('AddressInUse', message);
      return await ensure(spec, options);
    };
    return { runtimes: [runtime] };
  });
  await give(await h.createPod('web', {}, named));
  await h.clock.advance(1_000);
  const refused = await h.untilPod('web', (pod) => waitingReason(pod) === 'AddressInUse');
  expect(messageOf(refused)).toBe(message);
  expect(refused.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'PodReadyToStartContainers', reason: 'AddressInUse', message }),
  );
  isTaken = false;
  await h.clock.advance(5_000);
  await h.untilRunning('web');
});

test('without a control plane it starts again with the address that it had', async () => {
  await begin();
  const created = await h.createPod('web', {}, named);
  const uid = created.metadata.uid ?? '';
  await give(created);
  await h.clock.advance(1_000);
  await h.untilRunning('web');
  await h.stop();
  h.engine.instances.clear();
  h.api.before = () => {
    throw new StatusError(503, 'ServiceUnavailable', 'no control plane');
  };
  h.start();
  const instance = await h.until(async () => {
    await h.clock.advance(1_000);
    return await h.instance(uid);
  });
  expect(instance.ips).toEqual(['10.66.0.7']);
});
