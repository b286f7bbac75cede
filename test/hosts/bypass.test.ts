/** Whatever of Berth and of the engines below it dies: what runs on the host is not touched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { CounterStream } from '../faults/counter-stream.ts';
import { soak } from '../faults/runs.ts';
import { Cluster } from './cluster.ts';
import { Hulls } from './hulls.ts';

const setUpMs = 600_000;
const timeoutMs = 600_000;
/** How long what was killed stays away. */
const awayMs = soak ? 60_000 : 3_000;

let cluster: Cluster;
let hulls: Hulls;
let streams: readonly CounterStream[];
let before: Readonly<Record<string, string>>;
let address: string;

beforeAll(async () => {
  cluster = await Cluster.start(2, { etcd: true });
  hulls = await Hulls.start(cluster, 2);
  streams = await hulls.streams();
  before = await hulls.processes();
  [address = ''] = await hulls.addresses();
}, setUpMs);

afterAll(async () => {
  await cluster?.remove();
}, setUpMs);

interface Victim {
  readonly name: string;
  kill(): Promise<unknown>;
  revive(): Promise<unknown>;
}

/** Stopped by force and kept down, then started again. */
const unit = (host: number, name: string, sockets: readonly string[] = []): Victim => ({
  name,
  kill: () =>
    cluster.sh(
      host,
      `systemctl mask -q --runtime ${[name, ...sockets].join(' ')}
       systemctl kill -s KILL ${name}
       ${sockets.length === 0 ? '' : `systemctl stop ${sockets.join(' ')}`}`,
    ),
  revive: () =>
    cluster.sh(
      host,
      `systemctl unmask -q --runtime ${[name, ...sockets].join(' ')}
       ${sockets.length === 0 ? '' : `systemctl start ${sockets.join(' ')}`}
       systemctl reset-failed ${name} || true
       systemctl start ${name}`,
    ),
});

const agent: Victim = {
  name: 'agent',
  kill: () => cluster.killBerth(2),
  revive: () => cluster.reviveBerth(2),
};
const plane: Victim = {
  name: 'control plane',
  kill: () => cluster.killBerth(1),
  revive: () => cluster.reviveBerth(1),
};
const etcd: Victim = {
  name: 'store',
  kill: () => cluster.killEtcd(),
  revive: () => cluster.startEtcd(),
};
const libvirtSockets = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket'];
const dockerd = unit(2, 'docker.service', ['docker.socket']);
const libvirtd = unit(2, 'libvirtd.service', libvirtSockets);
const bus = unit(2, 'dbus.service', ['dbus.socket']);

const table: readonly (readonly [string, readonly Victim[]])[] = [
  ...[agent, plane, etcd, dockerd, libvirtd, bus].map((one) => [one.name, [one]] as const),
  ['all of them at once', [plane, agent, etcd, dockerd, libvirtd, bus]],
];

test.each(table)(
  '%s killed: processes, connections, names and status come through',
  async (_name, victims) => {
    const seen = streams.map((stream) => stream.seen);
    await Promise.all(victims.map((victim) => victim.kill()));
    await systemClock.sleep(awayMs);
    expect(await hulls.processes()).toEqual(before);
    expect(await hulls.resolved()).toMatch(new RegExp(`^Address: ${address}$`, 'm'));
    // What others need comes back first.
    for (const victim of [...victims].reverse()) await victim.revive();
    await hulls.ready();
    await settled();
    expect(await hulls.processes()).toEqual(before);
    for (const [at, stream] of streams.entries()) {
      expect(stream.wrong).toBeUndefined();
      expect(stream.seen).toBeGreaterThan(seen[at] ?? 0);
    }
  },
  timeoutMs,
);

test('no connection has lost a number', async () => {
  for (const stream of streams) expect(await stream.close()).toBeGreaterThan(100);
});

test(
  'a host that loses its power while the plane is away comes back with all it had',
  async () => {
    const addresses = await hulls.addresses();
    const installed = await cluster.berth(2, 'service', 'install');
    expect(installed.stdout).toMatch(/^Berth starts with this machine .* berth\.service/);
    expect(await hulls.processes()).toEqual(before);
    await plane.kill();
    await cluster.lab.crash(2);
    await cluster.lab.boot(2);
    await cluster.until('all three run again', async () =>
      Object.values(await hulls.processes()).every((found) => found !== ''),
    );
    await plane.revive();
    await hulls.ready();
    await settled();
    expect(await hulls.addresses()).toEqual(addresses);
  },
  timeoutMs,
);

test(
  'as a service it is stopped, started, and removed by the same commands as without',
  async () => {
    const running = await hulls.processes();
    const state = () => cluster.sh(2, 'systemctl is-active berth || true');
    expect(await state()).toBe('active');
    const doctor = await cluster.berth(2, 'doctor');
    expect(doctor.stdout).toMatch(/ok +service +berth\.service/);
    expect(doctor.stdout).toMatch(/ok +server +https.* the node is ready/);
    // It lives again by itself when it is killed.
    await cluster.killBerth(2);
    await cluster.until('it is started again', async () => (await state()) === 'active');
    expect((await cluster.berth(2, 'down')).stdout).toContain('berth.service starts it again');
    expect(await state()).toBe('inactive');
    expect((await cluster.berth(2, 'join')).stdout).toContain('Its agent runs');
    expect(await state()).toBe('active');
    expect((await cluster.berth(2, 'service', 'uninstall')).stdout).toContain('is stopped');
    expect(await cluster.sh(2, 'ls /etc/systemd/system/berth.service || true')).toBe('');
    const { stdout } = await cluster.reviveBerth(2);
    expect(stdout).toContain('Its agent is ready');
    expect(await hulls.processes()).toEqual(running);
  },
  timeoutMs,
);

/** The agent has looked at all three again, by every engine: their logs are read through it. */
async function settled(): Promise<void> {
  await cluster.until('nodes are ready', async () => {
    const words = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
    return (await cluster.kubectl('get', 'nodes', '-o', `jsonpath=${words}`)) === 'True True';
  });
  for (const target of ['pod/container', 'pod/process', 'vm/machine']) {
    await cluster.until(`exec into ${target} works`, async () => {
      const { code } = await cluster.berth(1, 'exec', target, '--', '/bin/busybox', 'true');
      return code === 0;
    });
  }
}
