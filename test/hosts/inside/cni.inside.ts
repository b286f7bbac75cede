/** Instances of the drivers on networks by CNI with Debian's plugins, on a host with its own dockerd and systemd. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import type { CniRequest } from '../../../runtime/cni/cni.ts';
import { CniNetworks } from '../../../runtime/cni/networks.ts';
import { createDockerRuntime } from '../../../runtime/docker/docker.ts';
import { createLibvirtRuntime } from '../../../runtime/libvirt/driver.ts';
import type { ContainerSpec, InstanceSpec, Runtime } from '../../../runtime/runtime.ts';
import { createSystemdRuntime } from '../../../runtime/systemd/systemd.ts';
import { until } from '../../e2e/until.ts';
import { busyboxImage, loadBusyboxImage } from '../../harness/images.ts';

const execute = promisify(execFile);
const never = { signal: new AbortController().signal };
const script = 'busybox ip address; busybox cat /etc/resolv.conf; exec busybox nc -ll -p 80 -e cat';

let directory: string;
let docker: Runtime;
let systemd: Runtime;
let libvirt: Runtime;
let cni: CniNetworks;

/** An agent that starts: what it knows is on disk. */
function open(): void {
  cni = new CniNetworks({
    stateDir: join(directory, 'ledger'),
    confDir: join(directory, 'net.d'),
    log: silentLog,
  });
  const options = { nodeId: 'cni', clock: systemClock, log: silentLog, cni };
  docker = createDockerRuntime(options);
  systemd = createSystemdRuntime(options);
  libvirt = createLibvirtRuntime({ ...options, stateDir: '/var/lib/berth-test/cni-machines' });
}

const ipam = (subnet: string, more: object = {}) => ({
  type: 'host-local',
  dataDir: join(directory, 'ipam'),
  ranges: [[{ subnet }]],
  routes: [{ dst: '0.0.0.0/0' }],
  ...more,
});

async function configure(name: string, plugins: readonly object[]): Promise<void> {
  const list = { cniVersion: '1.0.0', name, plugins };
  await writeFile(join(directory, 'net.d', `${name}.conflist`), JSON.stringify(list));
}

beforeAll(async () => {
  await loadBusyboxImage();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cni-'));
  await execute('mkdir', ['-p', join(directory, 'net.d')]);
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true };
  await configure('lan', [
    { ...bridge, capabilities: { ips: true }, ipam: ipam('10.81.0.0/24') },
    { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' } },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    { type: 'bandwidth', capabilities: { bandwidth: true } },
  ]);
  const second = { type: 'bridge', bridge: 'cni1', ipam: ipam('10.82.0.0/24', { routes: [] }) };
  await configure('storage', [second]);
  open();
});

afterEach(async () => {
  for (const runtime of [docker, systemd, libvirt]) {
    for (const { id } of await runtime.list(never)) {
      await runtime.remove(id, { ...never, graceMs: 0 });
    }
  }
  // Nothing is left of any test.
  expect(await readdir(join(directory, 'ledger')).catch(() => [])).toEqual([]);
  expect(await execute('ip', ['netns', 'list'])).toMatchObject({ stdout: '' });
  for (const name of ['cni0', 'cni1']) {
    await execute('ip', ['link', 'delete', name]).catch(() => undefined);
  }
});

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
  command: ['busybox', 'sh', '-c', script],
  ...more,
});

const instance = (
  id: string,
  cni: readonly CniRequest[],
  more: Partial<ContainerSpec> = {},
): InstanceSpec => ({
  ...{ id, namespace: 'default', name: id, hostname: id, network: 'bridge', cni },
  dns: { servers: ['192.0.2.53'], searches: [], options: [] },
  containers: [container(more)],
});

const lan = { network: 'lan', interface: 'eth0' };
const storage = { network: 'storage', interface: 'net1' };

async function printed(runtime: Runtime, id: string): Promise<string> {
  let text = '';
  const log = { ...never, container: 'main', previous: false, follow: false, timestamps: false };
  for await (const { data } of runtime.logs(id, log)) text += Buffer.from(data).toString();
  return text;
}

async function pings(runtime: Runtime, id: string, address: string): Promise<boolean> {
  const command = ['busybox', 'ping', '-c1', '-W2', address];
  const exec = { ...never, container: 'main', command, tty: false, stdin: false };
  const session = await runtime.exec(id, exec);
  session.stdout.resume();
  session.stderr.resume();
  return (await session.exit) === 0;
}

test('a container and a unit on two networks have both before they start, and reach each other', async () => {
  const both = [lan, storage];
  const portMappings = [{ hostPort: 8081, containerPort: 80, protocol: 'tcp' }];
  const published = [{ ...lan, portMappings, ips: ['10.81.0.50'] }, storage];
  const spec = instance('c', published, { image: busyboxImage });
  const attached = await docker.attachNetworks?.(spec, never);
  expect(attached).toMatchObject([
    {
      network: 'lan',
      interface: 'eth0',
      addresses: [{ address: '10.81.0.50', prefixLength: 24, gateway: '10.81.0.1' }],
      hostInterfaces: expect.arrayContaining(['cni0']),
    },
    { network: 'storage', interface: 'net1', addresses: [{ address: '10.82.0.2' }] },
  ]);
  expect((await docker.ensure(spec, never)).ips).toEqual(['10.81.0.50']);
  const [address = ''] = (await systemd.ensure(instance('u', both), never)).ips;
  expect(address).toMatch(/^10\.81\.0\./);
  for (const [runtime, id, own] of [
    [docker, 'c', '10.82.0.2'],
    [systemd, 'u', '10.82.0.3'],
  ] as const) {
    const first = await until('it prints', async () => {
      const text = await printed(runtime, id);
      return text.includes('nameserver') ? text : undefined;
    });
    expect(first).toContain(`inet ${own}/24`);
    expect(first).toContain('nameserver 192.0.2.53');
    expect(first).toMatch(/lo: <LOOPBACK,UP/);
  }
  expect(await pings(docker, 'c', address)).toBe(true);
  expect(await pings(systemd, 'u', '10.81.0.50')).toBe(true);
  expect(await pings(systemd, 'u', '10.82.0.2')).toBe(true);
  const echo = 'echo hello | busybox nc -w 2 10.99.0.11 8081';
  const { stdout } = await execute('ip', [
    ...['netns', 'exec', await namespaceOf('u'), 'sh', '-c', echo],
  ]);
  expect(stdout).toBe('hello\n');
});

test('what a machine has lies on a bridge of the host, and is found sound by the plugins', async () => {
  const address = '10.81.0.60';
  const base = instance('m', [
    { ...lan, ips: [address] },
    { ...storage, interface: 'eth1' },
  ]);
  const attached = (await libvirt.attachNetworks?.(base, never)) ?? [];
  expect(attached).toMatchObject([
    { addresses: [{ address }], bridge: expect.stringMatching(/^bcni/) },
    { addresses: [{ address: '10.82.0.2' }], bridge: expect.stringMatching(/^bcni/) },
  ]);
  // A guest is whoever has the MAC and the address on that bridge.
  await execute('ip', ['netns', 'add', 'guest']);
  for (const { bridge = '', mac = '', interface: name, addresses } of attached) {
    const script = `ip link add g-${name} type veth peer name ${name} address ${mac} netns guest
      ip link set g-${name} master ${bridge} up
      ip -n guest address add ${addresses[0]?.address}/24 dev ${name}
      ip -n guest link set ${name} up`;
    await execute('sh', ['-ec', script]);
  }
  const both = instance('c', [lan, storage], { image: busyboxImage });
  const { ips } = await docker.ensure(both, never);
  const reach = async () => {
    expect(await pings(docker, 'c', address)).toBe(true);
    expect(await pings(docker, 'c', '10.82.0.2')).toBe(true);
    const ping = ['netns', 'exec', 'guest', 'busybox', 'ping', '-c1', '-W2', ips[0] ?? ''];
    expect((await execute('ip', ping)).stdout).toContain('1 packets received');
  };
  await reach();
  // An agent that starts finds it as it is.
  open();
  expect(await cni.check('m', never)).toBeUndefined();
  expect(await libvirt.attachNetworks?.(base, never)).toEqual(attached);
  await reach();
  await execute('ip', ['netns', 'delete', 'guest']);
  await libvirt.remove('m', { ...never, graceMs: 0 });
  expect((await execute('ip', ['link', 'show', 'type', 'bridge'])).stdout).not.toContain('bcni');
});

test('plugins tell what is wrong with what they made', async () => {
  await systemd.ensure(instance('u', [storage, lan]), never);
  expect(await cni.check('u', never)).toBeUndefined();
  const enter = ['netns', 'exec', await namespaceOf('u'), 'ip', 'address', 'flush', 'dev', 'net1'];
  await execute('ip', enter);
  expect(await cni.check('u', never)).toMatch(/network "storage": plugin "bridge" failed to CHECK/);
});

async function namespaceOf(id: string): Promise<string> {
  for (const name of (await execute('ip', ['netns', 'list'])).stdout.split('\n')) {
    const own = name.split(' ')[0] ?? '';
    const unit = await execute('ip', ['netns', 'pids', own]);
    const processes = unit.stdout.trim().split('\n').join(',');
    const { stdout } = await execute('ps', ['-o', 'cgroup=', '-p', processes]);
    if (stdout.includes(`_${id}_`)) return own;
  }
  throw new Error(`no namespace of ${id}`);
}

test.each(['docker', 'systemd'] as const)(
  'what %s started keeps its networks over its restarts and those of the agent',
  async (name) => {
    const runtime = () => (name === 'docker' ? docker : systemd);
    const image = name === 'docker' ? busyboxImage : '';
    const { ips } = await runtime().ensure(instance('a', [lan], { image }), never);
    open();
    expect(await runtime().get('a', never)).toMatchObject({ ips });
    const again = await runtime().ensure(instance('a', [lan], { image, attempt: 1 }), never);
    expect(again.ips).toEqual(ips);
    await runtime().stop('a', { ...never, graceMs: 0 });
    expect(await readdir(join(directory, 'ledger'))).toEqual([]);
    expect((await runtime().get('a', never))?.ips).toEqual([]);
    const anew = await runtime().ensure(instance('a', [lan], { image, attempt: 2 }), never);
    expect(anew.ips).toHaveLength(1);
  },
);

test('a sandbox that died gets its networks anew, and nothing of the old ones is left', async () => {
  await docker.ensure(instance('a', [lan, storage], { image: busyboxImage }), never);
  const filter = ['--filter', 'label=berth.dev/sandbox=true'];
  const { stdout } = await execute('docker', ['ps', '-q', ...filter]);
  await execute('docker', ['kill', stdout.trim()]);
  const again = instance('a', [lan, storage], { image: busyboxImage, attempt: 1 });
  expect((await docker.ensure(again, never)).ips).toHaveLength(1);
  const reserved = await readdir(join(directory, 'ipam', 'lan'));
  expect(reserved.filter((file) => file.startsWith('10.'))).toHaveLength(1);
  expect(await pings(docker, 'a', '10.81.0.1')).toBe(true);
});

test('the words of a plugin that fails are told, and what those before it made is taken back', async () => {
  const bridge = { type: 'bridge', bridge: 'cni0', ipam: ipam('10.81.0.0/24') };
  await configure('bad', [bridge, { type: 'tuning', sysctl: { 'net.no.such': '1' } }]);
  for (const runtime of [docker, systemd]) {
    const image = runtime === docker ? busyboxImage : '';
    const bad = instance('a', [lan, { network: 'bad', interface: 'net1' }], { image });
    await expect(runtime.ensure(bad, never)).rejects.toMatchObject({
      reason: 'StartFailed',
      message: expect.stringMatching(/network "bad": plugin "tuning" failed to ADD: .*no.such/),
    });
    expect(await readdir(join(directory, 'ledger'))).toEqual([]);
    await runtime.remove('a', { ...never, graceMs: 0 });
  }
});
