/** Instances of the drivers with an address of a pool, on a host with its own dockerd and systemd. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { createDockerRuntime } from '../../../runtime/docker/docker.ts';
import { macOfAddress } from '../../../runtime/network/ip.ts';
import { mendRules, missingPorts } from '../../../runtime/network/mend-rules.ts';
import type { ContainerSpec, InstanceSpec, Runtime } from '../../../runtime/runtime.ts';
import { createSystemdRuntime } from '../../../runtime/systemd/systemd.ts';
import { until } from '../../e2e/until.ts';
import { busyboxImage, loadBusyboxImage } from '../../harness/images.ts';

const execute = promisify(execFile);
const never = { signal: new AbortController().signal };
const options = { nodeId: 'addresses', clock: systemClock, log: silentLog };
const docker = createDockerRuntime(options);
const systemd = createSystemdRuntime(options);
const beside = createSystemdRuntime({ ...options, nodeId: 'beside' });
const address = '10.66.0.5';

const script = "busybox ip address show eth0; trap 'exit' TERM; busybox sleep 1000 & wait";

const container = (more: Partial<ContainerSpec>): ContainerSpec => ({
  name: 'main',
  attempt: 0,
  image: '',
  env: {},
  tty: false,
  stdin: false,
  privileged: false,
  readOnlyRootFilesystem: false,
  ports: [],
  mounts: [],
  limits: {},
  // What it prints first shows what it had when it started.
  command: ['busybox', 'sh', '-c', script],
  ...more,
});

const instance = (id: string, more: Partial<ContainerSpec> = {}): InstanceSpec => ({
  id,
  namespace: 'default',
  name: id,
  hostname: id,
  network: 'bridge',
  address: {
    pool: 'blue',
    bridge: 'berth0',
    address,
    prefixLength: 24,
    gateway: '10.66.0.1',
    mac: macOfAddress(address),
    dns: [],
  },
  containers: [container(more)],
});

const answers = async () =>
  await execute('busybox', ['ping', '-c1', '-W1', address]).then(
    () => true,
    () => false,
  );

async function printed(runtime: Runtime, id: string): Promise<string> {
  let text = '';
  const log = { ...never, container: 'main', previous: false, follow: false, timestamps: false };
  for await (const { data } of runtime.logs(id, log)) text += Buffer.from(data).toString();
  return text;
}

async function remove(runtime: Runtime): Promise<void> {
  for (const { id } of await runtime.list(never)) {
    await runtime.remove(id, { ...never, graceMs: 0 });
  }
}

beforeAll(async () => {
  await loadBusyboxImage();
});

afterEach(async () => {
  await remove(docker);
  await remove(systemd);
  await remove(beside);
  await execute('ip', ['link', 'delete', 'berth0']).catch(() => undefined);
});

test.each([
  ['a container', docker, busyboxImage],
  ['a unit', systemd, ''],
] as const)(
  '%s has its address before it starts, and after each start',
  async (_, runtime, image) => {
    const status = await runtime.ensure(instance('a', { image }), never);
    expect(status.ips).toEqual([address]);
    const first = await until('it prints', async () => {
      const text = await printed(runtime, 'a');
      return text.includes('inet ') ? text : undefined;
    });
    expect(first).toContain(`inet ${address}/24`);
    expect(first).toContain(macOfAddress(address));
    expect(await answers()).toBe(true);

    const again = await runtime.ensure(instance('a', { image, attempt: 1 }), never);
    expect(again.ips).toEqual([address]);
    await until('it prints', async () => (await printed(runtime, 'a')).includes(`inet ${address}`));
    expect(await answers()).toBe(true);
  },
);

test('the address comes back with the engine, and the engine knows nothing of it', async () => {
  await docker.ensure(instance('a', { image: busyboxImage }), never);
  const { stdout: networks } = await execute('docker', ['network', 'ls', '--format', '{{.Name}}']);
  expect(networks.trim().split('\n').sort()).toEqual(['bridge', 'host', 'none']);
  await execute('systemctl', ['restart', 'docker']);
  await until('the engine answers', async () => await docker.info(never));
  await docker.ensure(instance('a', { image: busyboxImage, attempt: 1 }), never);
  expect(await answers()).toBe(true);
});

test('an address passes from a container to a unit, and not before the container is gone', async () => {
  await docker.ensure(instance('a', { image: busyboxImage }), never);
  await expect(systemd.ensure(instance('b'), never)).rejects.toMatchObject({
    reason: 'AddressInUse',
    message: expect.stringContaining(macOfAddress(address)),
  });
  expect(await systemd.get('b', never)).toBeUndefined();
  await docker.remove('a', { ...never, graceMs: 0 });
  expect((await systemd.ensure(instance('b'), never)).ips).toEqual([address]);
  expect(await answers()).toBe(true);
});

/** Says whom it talks with, and ends. */
const greet = ['busybox', 'nc', '-ll', '-p', '8099', '-e', 'busybox', 'netstat', '-tn'];

const ask = async (from: readonly string[], to: string, port: number) => {
  const line = [...from, 'timeout', '5', 'busybox', 'nc', to, String(port)];
  const { stdout } = await execute(line[0]!, line.slice(1)).catch((error) => error);
  return String(stdout);
};

test.each([
  ['a container with an address of a pool', docker, busyboxImage, true],
  ['a unit with an address of a pool', systemd, '', true],
  ['a unit with an address of the node', systemd, '', false],
] as const)('ports of the node lead to %s, until it goes', async (_, runtime, image, hasPool) => {
  const port = (hostPort: number, hostIp?: string) =>
    ({ containerPort: 8099, protocol: 'TCP', hostPort, ...(hostIp ? { hostIp } : {}) }) as const;
  const { address: pool, ...rest } = instance('a', {
    ...{ image, command: greet, ports: [port(18_099), port(18_098, '127.0.0.1')] },
  });
  const spec = { ...rest, ...(hasPool ? { address: pool! } : {}) };
  const { ips } = await runtime.ensure(spec, never);
  const served = `${ips[0]}:8099`;
  const answers = (to: string, number: number) =>
    until(`${to}:${number} answers`, async () => {
      return (await ask([], to, number)).includes(served) || undefined;
    });
  await answers('127.0.0.1', 18_099);
  await answers('127.0.0.1', 18_098);
  const { stdout } = await execute('hostname', ['-I']);
  const own = stdout.split(' ')[0]!;
  await answers(own, 18_099);
  expect(await ask([], own, 18_098)).toBe('');
  // From beside it on the bridge, and from the instance itself.
  const inside = ['nsenter', '--net', '-t', await pidOf(runtime, 'a')];
  expect(await ask(inside, own, 18_099)).toContain(served);
  const aside = { ...pool!, address: '10.66.0.6', mac: macOfAddress('10.66.0.6') };
  const neighbour = instance('b', { command: ['busybox', 'sleep', '1000'] });
  await beside.ensure({ ...neighbour, address: aside }, never);
  expect(await ask(['nsenter', '--net', '-t', await pidOf(beside, 'b')], own, 18_099)).toContain(
    served,
  );

  // Whoever takes rules away takes them until the next look.
  for (const line of ['-F BERTH-PORTS', '-D POSTROUTING -j BERTH-PORTS-B']) {
    await execute('iptables', ['-t', 'nat', ...line.split(' ')]);
  }
  expect(await ask([], '127.0.0.1', 18_099)).toBe('');
  const words = `ports 18099/tcp to ${served}, 18098/tcp to ${served}`;
  expect(await missingPorts(never)).toEqual([words]);
  expect(await mendRules(never)).toEqual([words]);
  expect(await missingPorts(never)).toEqual([]);
  expect(await ask([], '127.0.0.1', 18_099)).toContain(served);

  await runtime.stop('a', { ...never, graceMs: 0 });
  expect(await ask([], '127.0.0.1', 18_099)).toBe('');
  await runtime.ensure({ ...spec, containers: [{ ...spec.containers[0]!, attempt: 1 }] }, never);
  await answers('127.0.0.1', 18_099);
  await remove(runtime);
  expect(await ask([], '127.0.0.1', 18_099)).toBe('');
  const { stdout: rules } = await execute('iptables-save', []);
  expect(rules).not.toContain('BERTH-P-');
});

async function pidOf(runtime: Runtime, id: string): Promise<string> {
  const found = (await runtime.get(id, never))?.containers[0]?.containerId ?? '';
  const [kind, name = ''] = found.split('://');
  const { stdout } =
    kind === 'docker'
      ? await execute('docker', ['inspect', '--format', '{{.State.Pid}}', name])
      : await execute('systemctl', ['show', '--value', '-p', 'MainPID', name]);
  return stdout.trim();
}
