import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { diskLimitsOf } from '../../../agent/spec/disk-limits.ts';
import type { Pod } from '../../../api/kinds.gen.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import type { ContainerSpec, ContainerStatus, InstanceSpec } from '../../../runtime/runtime.ts';
import { createSystemdRuntime } from '../../../runtime/systemd/systemd.ts';
import { mainOf, type Refusal } from '../../contract/instance/life.ts';
import { instanceContract } from '../../contract/instance.ts';
import { cpuMilliOf } from '../../contract/kernel.ts';
import { podContract } from '../../contract/pod.ts';
import { runtimeContract } from '../../contract/runtime.ts';
import { oneShell, shell, shellCommands, shellPrograms } from '../../contract/shell.ts';
import { unitOutage } from './unit-outage.ts';

const run = promisify(execFile);
const root = '/var/lib/berth-test/busybox';

/** A root directory that holds nothing but busybox. */
async function makeRoot(): Promise<void> {
  for (const directory of ['bin', 'dev', 'proc', 'sys', 'tmp', 'run', 'etc', 'var/tmp', 'mnt']) {
    await mkdir(`${root}/${directory}`, { recursive: true });
  }
  await copyFile('/usr/bin/busybox', `${root}/bin/busybox`);
  const { stdout } = await run('busybox', ['--list']);
  for (const name of stdout.split('\n').filter((each) => each !== '' && each !== 'busybox')) {
    await symlink('busybox', `${root}/bin/${name}`).catch(() => undefined);
  }
  // systemd looks its users up on the machine.
  await run('useradd', ['--uid', '1000', '--no-create-home', 'tester']).catch(() => undefined);
}

async function units(nodeId: string): Promise<readonly string[]> {
  const { stdout } = await run('systemctl', [
    'list-units',
    '--all',
    '--plain',
    '--no-legend',
    'berth_*',
  ]);
  const names = stdout.split('\n').flatMap((line) => line.trim().split(' ')[0] || []);
  const ours = [];
  for (const name of names) {
    const { stdout: fields } = await run('systemctl', ['show', '-p', 'LogExtraFields', name]);
    if (fields.includes(`BERTH_NODE=${nodeId}`) && !fields.includes(`${nodeId}-`)) ours.push(name);
  }
  return ours;
}

const gaps = ['tty', 'stdin', 'streams', 'hostname', 'sysctls', 'seccomp', 'images'] as const;
const never = { signal: new AbortController().signal };
const open = (nodeId: string) =>
  createSystemdRuntime({ nodeId, clock: systemClock, log: silentLog });

async function mainPidOf({ containerId }: Pick<ContainerStatus, 'containerId'>): Promise<string> {
  const unit = containerId.replace('systemd://', '');
  return (await run('systemctl', ['show', '--value', '-p', 'MainPID', unit])).stdout.trim();
}

runtimeContract(
  'systemd',
  async () => {
    await makeRoot();
    return {
      open,
      image: root,
      programs: { ...shellPrograms, listener: shell('exit 1') },
      commands: shellCommands,
      leftovers: units,
    };
  },
  gaps,
);

const remedy = /^[\w.]+: the systemd runtime cannot do this; use docker$/;
/** Ensures an instance of which that is asked too. */
const asked =
  (more: Partial<ContainerSpec>, whole: Partial<InstanceSpec> = {}): Refusal['ask'] =>
  (runtime, spec) => {
    const containers = spec.containers.map((one) => ({ ...one, ...more }));
    return runtime.ensure({ ...spec, containers, ...whole }, never);
  };

instanceContract('systemd', {
  ...oneShell(root),
  gaps,
  refusals: [
    { gap: 'tty', ask: asked({ tty: true }), words: remedy },
    { gap: 'stdin', ask: asked({ stdin: true }), words: remedy },
    { gap: 'seccomp', ask: asked({ seccomp: { profile: '{}' } }), words: remedy },
    { gap: 'sysctls', ask: asked({}, { sysctls: { 'net.core.somaxconn': '1' } }), words: remedy },
    {
      gap: 'images',
      ask: (runtime) => runtime.removeImage(root, never),
      words: /not removed by Berth/,
    },
  ],
  outage: unitOutage('dbus.service', ['dbus.socket'], {
    inStarts: true,
    more: [['daemon-reexec']],
  }),
  prepare: makeRoot,
  open,
  processOf: async (status) => Number(await mainPidOf(mainOf(status))),
  cpuMilliOf: async (status) => cpuMilliOf(Number(await mainPidOf(mainOf(status)))),
  kill: async (pid) => void process.kill(pid, 'SIGKILL'),
  leftovers: units,
});

const command = (script: string) => ['/bin/sh', '-c', script];

podContract('systemd', {
  ...{ spec: { runtimeClassName: 'systemd' }, bootMs: 60_000, command },
  prepare: makeRoot,
  open,
  container: (script) => ({ name: 'main', image: root, command: command(script) }),
});

const bare: ContainerSpec = {
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
};

/** The journal keeps what ran here before. */
const nodeOfItsOwn = () => `node-${randomUUID().slice(0, 8)}`;

describe('systemd alone', () => {
  test('processes run on the processors they are given, and are moved', async () => {
    await makeRoot();
    const nodeId = nodeOfItsOwn();
    const { signal } = new AbortController();
    const runtime = createSystemdRuntime({ nodeId, clock: systemClock, log: silentLog });
    const container = { ...bare, command: ['sh', '-c', 'sleep 1000 & wait'] };
    const whole = { namespace: 'test', name: 'cpus', hostname: 'h', network: 'host' } as const;
    const cpus = { cpus: '1', isAll: false };
    const spec = { ...whole, id: 'cpus', containers: [container], cpus };
    const status = await runtime.ensure(spec, { signal });
    const pid = await mainPidOf(status.containers[0]!);
    const { stdout: child } = await run('pgrep', ['-P', pid]);
    const allowed = async (of: string) =>
      /Cpus_allowed_list:\s+(\S+)/.exec(await readFile(`/proc/${of}/status`, 'utf8'))?.[1];
    expect([await allowed(pid), await allowed(child.trim())]).toEqual(['1', '1']);
    await runtime.setCpus?.('cpus', { cpus: '0', isAll: false }, { signal });
    expect([await allowed(pid), await allowed(child.trim())]).toEqual(['0', '0']);
    await runtime.remove('cpus', { signal, graceMs: 0 });
    await runtime.close();
  });

  test('names of hostAliases are in /etc/hosts, and the machine keeps its own', async () => {
    await makeRoot();
    const { signal } = new AbortController();
    const runtime = createSystemdRuntime({
      ...{ nodeId: nodeOfItsOwn(), clock: systemClock },
      log: silentLog,
    });
    const before = await readFile('/etc/hosts', 'utf8');
    for (const image of ['', root]) {
      const container: ContainerSpec = {
        ...bare,
        image,
        command: ['/bin/sh', '-c', 'cat /etc/hosts; touch /etc/hosts 2>/dev/null || echo refused'],
      };
      const whole = { namespace: 'test', name: 'hosts', hostname: 'h', network: 'bridge' } as const;
      const hosts = [{ ip: '192.0.2.7', names: ['db', 'db.test'] }];
      const id = `hosts-${image.length}`;
      await runtime.ensure({ ...whole, id, containers: [container], hosts }, { signal });
      const log = { container: 'main', previous: false, follow: true, timestamps: false, signal };
      let said = '';
      for await (const { data } of runtime.logs(id, log)) said += Buffer.from(data);
      expect(said).toBe(`${before.trimEnd()}\n192.0.2.7\tdb\tdb.test\nrefused\n`);
      await runtime.remove(id, { signal, graceMs: 0 });
    }
    expect(await readFile('/etc/hosts', 'utf8')).toBe(before);
    await runtime.close();
  });

  test('limits of the disk of the machine reach the kernel, change and end while it runs', async () => {
    const { signal } = new AbortController();
    const runtime = createSystemdRuntime({
      ...{ nodeId: nodeOfItsOwn(), clock: systemClock, log: silentLog },
    });
    const annotations = { 'berth.dev/disk-limits': '{"writeIOPS": 20, "readBPS": "1Mi"}' };
    const io = await diskLimitsOf({ metadata: { annotations } } as unknown as Pod, '/var/lib');
    const container = { ...bare, command: ['sleep', '1000'], io };
    const whole = { namespace: 'test', name: 'io', hostname: 'h', network: 'host' } as const;
    const status = await runtime.ensure(
      { ...whole, id: 'io', containers: [container] },
      { signal },
    );
    const pid = await mainPidOf(status.containers[0]!);
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    const group = /^\d+:blkio:(.*)$/m.exec(groups)?.[1] ?? '';
    const told = async (file: string) =>
      (await readFile(`/sys/fs/cgroup/blkio${group}/blkio.throttle.${file}`, 'utf8')).trim();
    const { number } = io[0]!;
    expect(await told('write_iops_device')).toBe(`${number} 20`);
    expect(await told('read_bps_device')).toBe(`${number} 1048576`);
    const [device] = io;
    const change = (writeIops?: number) => {
      const { device: path } = device!;
      const limits = { device: path, number, ...(writeIops === undefined ? {} : { writeIops }) };
      return runtime.setIo?.('io', new Map([['main', [limits]]]), { signal });
    };
    await change(30);
    expect(await told('write_iops_device')).toBe(`${number} 30`);
    expect(await told('read_bps_device')).toBe('');
    await change();
    expect(await told('write_iops_device')).toBe('');
    await runtime.remove('io', { signal, graceMs: 0 });
    await runtime.close();
  });
});
