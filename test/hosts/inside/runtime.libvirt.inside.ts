/** Virtual machines by a real libvirtd; the guest is Debian's cloud kernel with busybox. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { ensureDisk, inspectDisk } from '../../../runtime/disk/disk-images.ts';
import { createLibvirtRuntime } from '../../../runtime/libvirt/driver.ts';
import type { MachineDisk, MachineSpec } from '../../../runtime/machine.ts';
import type { InstanceSpec, InstanceStatus, Runtime } from '../../../runtime/runtime.ts';
import { until } from '../../e2e/until.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
const bootMs = 120_000;
const stateDir = '/var/lib/berth-test/machines';
const nodeId = `node-${randomUUID().slice(0, 8)}`;
const open = (id = nodeId) =>
  createLibvirtRuntime({ nodeId: id, clock: systemClock, log: silentLog, stateDir });

const ip = '10.99.0.101';
const guest = (
  more: Partial<MachineSpec> = {},
  attempt = 0,
  id: string = randomUUID(),
): InstanceSpec => ({
  id,
  namespace: 'test',
  name: 'vm',
  hostname: 'vm',
  network: 'bridge',
  containers: [
    {
      name: 'vm',
      attempt,
      image: '',
      env: {},
      tty: false,
      stdin: false,
      privileged: false,
      readOnlyRootFilesystem: false,
      ports: [],
      mounts: [],
      limits: { cpuMilli: 900 },
    },
  ],
  machine: {
    cpus: 1,
    memoryBytes: 160n << 20n,
    graphics: false,
    boot: {
      type: 'kernel',
      kernelPath: '/lab/vmlinuz',
      initrdPath: '/lab/initrd.gz',
      commandLine: `console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check ip=${ip}/24 hostname=vm`,
    },
    disks: [],
    interfaces: [{ bridge: 'br0', mac: '02:00:0a:63:00:65', ip }],
    ...more,
  },
});

const logOf = async (runtime: Runtime, id: string, previous = false, tailLines?: number) => {
  const options = { container: 'vm', previous, follow: false, timestamps: false, signal };
  let text = '';
  const tail = tailLines === undefined ? {} : { tailLines };
  for await (const { data } of runtime.logs(id, { ...options, ...tail })) text += Buffer.from(data);
  return text;
};
const vm = (status: InstanceStatus | undefined) => status?.containers[0];
const pid = async (name: string) =>
  (await run('pgrep', ['-f', `guest=berth_test_${name}_`])).stdout;

describe('libvirt runtime', () => {
  let runtime: Runtime;
  const directory = `${stateDir}-disks`;
  const data = {
    name: 'data',
    path: `${directory}/d.qcow2`,
    format: 'qcow2',
    readOnly: false,
  } as const;
  const base = { cpusMax: 2, memoryMaxBytes: 192n << 20n, disks: [data] };
  const spec = guest(base);

  beforeAll(async () => {
    runtime = open();
    await rm(directory, { recursive: true, force: true });
    await ensureDisk({ path: data.path, sizeBytes: 32n << 20n }, { signal });
    await runtime.ensure(spec, { signal });
    await until(
      'the guest is up',
      async () => (await logOf(runtime, spec.id)).includes('guest up'),
      bootMs,
    );
  }, bootMs);

  afterAll(async () => {
    for (const { id } of await runtime.list({ signal })) {
      await runtime.remove(id, { signal, graceMs: 0 });
    }
    expect(await runtime.list({ signal })).toEqual([]);
    expect((await run('virsh', ['list', '--all', '--name'])).stdout.trim()).toBe('');
    expect(existsSync(`${stateDir}/${spec.id}`)).toBe(false);
    await runtime.close();
  });

  test('tells what it is, and how guests are run here', async () => {
    const info = await runtime.info({ signal });
    expect(info).toMatchObject({ name: 'libvirt', os: 'linux' });
    expect(info.version).toMatch(/^\d+\.\d+\.\d+-(kvm|tcg)$/);
  });

  test('a guest runs and answers at its address', async () => {
    const status = await runtime.get(spec.id, { signal });
    expect(status).toMatchObject({ id: spec.id, namespace: 'test', name: 'vm', ips: [ip] });
    expect(vm(status)).toMatchObject({ name: 'vm', attempt: 0, state: { phase: 'running' } });
    expect(await (await fetch(`http://${ip}/`)).text()).toBe('vm\n');
    const [usage] = await runtime.stats({ signal });
    expect(usage?.containers[0]?.cpuNanos).toBeGreaterThan(0n);
  });

  test('a new driver adopts it, and another node does not see it', async () => {
    const before = await pid('vm');
    const other = open();
    expect(await other.ensure(spec, { signal })).toEqual(await runtime.get(spec.id, { signal }));
    expect(await pid('vm')).toBe(before);
    await other.close();
    const stranger = open(`${nodeId}-other`);
    expect(await stranger.list({ signal })).toEqual([]);
    await stranger.remove(spec.id, { signal, graceMs: 0 });
    expect(vm(await runtime.get(spec.id, { signal }))?.state.phase).toBe('running');
    await stranger.close();
  });

  const exec = async (command: readonly string[], input?: string) => {
    const options = { container: 'vm', command, tty: false, stdin: input !== undefined, signal };
    const session = await runtime.exec(spec.id, options);
    session.stdin?.end(input);
    let out = '';
    let err = '';
    for await (const chunk of session.stdout) out += chunk;
    for await (const chunk of session.stderr) err += chunk;
    return { out, err, code: await session.exit };
  };

  test('commands run inside by the guest agent', async () => {
    await until('the agent answers', async () => (await exec(['/bin/true'])).code === 0);
    const script = 'echo out; echo err >&2; cat; exit 5';
    const said = await exec(['/bin/sh', '-c', script], 'input\n');
    expect(said).toEqual({ out: 'out\ninput\n', err: 'err\n', code: 5 });
    expect(await exec(['/bin/absent'])).toMatchObject({ code: 127 });
  });

  test('the console is a terminal on both sides', async () => {
    const session = await runtime.attach(spec.id, { container: 'vm', stdin: true, signal });
    session.stdin?.write('\necho con-$((6*7))\n');
    let said = '';
    for await (const chunk of session.stdout.iterator({ destroyOnReturn: false })) {
      said += chunk;
      if (said.includes('con-42')) break;
    }
    expect(said).toContain('con-42');
    expect(await logOf(runtime, spec.id, false, 3)).toContain('con-42');
  });

  test('its processors are moved while it runs', async () => {
    const { stdout: name } = await run('virsh', ['list', '--name']);
    await runtime.setCpus?.(spec.id, { cpus: '1', isAll: false }, { signal });
    const pins = (await run('virsh', ['vcpupin', name.trim()])).stdout;
    expect(pins).toMatch(/^ *0 +1$/m);
    expect((await run('virsh', ['emulatorpin', name.trim()])).stdout).toMatch(/\*: +1$/m);
    await runtime.setCpus?.(spec.id, { cpus: '0-1', isAll: true }, { signal });
  });

  const adjust = (more: Partial<MachineSpec>) => {
    const machine = { ...spec.machine, ...more } as MachineSpec;
    return runtime.machines?.adjust(spec.id, { machine, limits: { cpuMilli: 900 } }, { signal });
  };
  const inGuest = async (line: string) => (await exec(['/bin/sh', '-c', line])).out.trim();
  const virsh = async (...args: readonly string[]) => {
    const { stdout } = await run('virsh', ['list', '--name']);
    const [command = '', ...rest] = args;
    return (await run('virsh', [command, stdout.trim(), ...rest])).stdout;
  };
  const same = { restart: [], failures: [], changed: false, agent: true, addresses: [ip] };

  test('what is as it shall be is left alone; what needs a restart is named', async () => {
    await until('its balloon is full', async () => (await adjust({}))?.changed === false);
    expect(await adjust({})).toEqual(same);
    const more = { cpus: 3, memoryBytes: 1n << 30n, cpuModel: 'Haswell', graphics: true };
    expect(await adjust(more)).toEqual({
      ...same,
      restart: [
        'spec.cpu.model',
        'spec.graphics',
        'spec.resources.requests.cpu',
        'spec.resources.requests.memory',
      ],
    });
  });

  test('CPUs, memory and CPU time are changed while it runs', async () => {
    const more = { cpus: 2, memoryBytes: 192n << 20n };
    expect(await adjust(more)).toEqual({ ...same, changed: true });
    expect(await virsh('schedinfo')).toMatch(/vcpu_quota *: 45000/);
    // Its agent has taken it into use.
    expect(await inGuest('nproc')).toBe('2');
    const total = async () =>
      Number(/\d+/.exec(await inGuest('grep MemTotal /proc/meminfo'))?.[0] ?? 0);
    await until('the guest has its memory', async () => (await total()) > 150_000);
    expect(await adjust(more)).toEqual(same);
    // Never taken away while it runs.
    expect((await adjust({ memoryBytes: 192n << 20n }))?.restart).toEqual([
      'spec.resources.requests.cpu',
    ]);
  });

  test('a disk is attached, limited, grown and detached while it runs', async () => {
    const path = `${directory}/more.qcow2`;
    await ensureDisk({ path, sizeBytes: 32n << 20n }, { signal });
    const disk = { name: 'more', path, format: 'qcow2', readOnly: false } as const;
    const now = { cpus: 2, memoryBytes: 192n << 20n };
    const disks = (...more: readonly MachineDisk[]) => ({ ...now, disks: [data, ...more] });
    const limited = { ...disk, limits: { writeIops: 30 } };
    const sectors = () => inGuest('cat /sys/block/vdb/size');
    expect(await adjust(disks(disk))).toEqual({ ...same, changed: true });
    await until('the guest has it', async () => (await sectors()) === '65536');
    expect((await adjust(disks(limited)))?.failures).toEqual([]);
    expect(await virsh('blkdeviotune', 'vdb')).toMatch(/write_iops_sec *: 30/);
    const large = { ...limited, sizeBytes: 48n << 20n };
    expect(await adjust(disks(large))).toEqual({ ...same, changed: true });
    await until('the guest sees its size', async () => (await sectors()) === '98304');
    await until('it is detached', async () => {
      const { failures = [] } = (await adjust(disks())) ?? {};
      return failures.length === 0;
    });
    expect(await inGuest('ls /sys/block')).not.toContain('vdb');
    const absent = { ...disk, name: 'gone', path: '/absent.qcow2' };
    expect((await adjust(disks(absent)))?.failures).toEqual([
      expect.stringMatching(/^disk "gone" not attached: .*\/absent.qcow2/),
    ]);
  });

  test('an interface is attached and detached while it runs', async () => {
    const now = { cpus: 2, memoryBytes: 192n << 20n };
    const nic = { bridge: 'br0', mac: '02:00:0a:63:00:66', ip: '10.99.0.102' };
    const interfaces = [...(spec.machine?.interfaces ?? []), nic];
    expect(await adjust({ ...now, interfaces })).toEqual({ ...same, changed: true });
    await until('the guest has it', async () =>
      (await inGuest('cat /sys/class/net/*/address')).includes(nic.mac),
    );
    expect((await runtime.get(spec.id, { signal }))?.ips).toEqual([ip, nic.ip]);
    await until('it is detached', async () => (await adjust(now))?.failures.length === 0);
    expect(await inGuest('cat /sys/class/net/*/address')).not.toContain(nic.mac);
    await until('its address is gone', async () => (await adjust(now))?.changed === false);
    expect((await runtime.get(spec.id, { signal }))?.ips).toEqual([ip]);
  });

  test('its screen speaks the protocol of VNC viewers, where it has one', async () => {
    await expect(runtime.machines?.openScreen(spec.id, { signal })).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('graphics: false'),
    });
  });

  const state = async () => (await runtime.get(spec.id, { signal }))?.machine?.state;

  test('it is halted and goes on; what its state does not allow is refused', async () => {
    await runtime.setPaused(spec.id, true, { signal });
    expect(await state()).toBe('paused');
    expect(vm(await runtime.get(spec.id, { signal }))?.state.phase).toBe('running');
    await expect(runtime.machines?.act(spec.id, 'reboot', { signal })).rejects.toMatchObject({
      reason: 'Conflict',
      message: 'cannot reboot a machine: it is paused: resume it first',
    });
    await runtime.setPaused(spec.id, false, { signal });
    expect(await state()).toBe('running');
  });

  test('saved, it goes on where it was, as the same start', async () => {
    expect((await exec(['/bin/sh', '-c', 'echo kept > /tmp/mark'])).code).toBe(0);
    await runtime.machines?.save(spec.id, { signal });
    const saved = await runtime.get(spec.id, { signal });
    expect(saved?.machine?.state).toBe('saved');
    expect(vm(saved)).toMatchObject({ attempt: 0, state: { phase: 'created' } });
    const again = await runtime.ensure(spec, { signal });
    expect(vm(again)).toMatchObject({ attempt: 0, state: { phase: 'running' } });
    await until('the agent answers', async () => (await exec(['/bin/true'])).code === 0);
    expect((await exec(['/bin/cat', '/tmp/mark'])).out).toBe('kept\n');
  });

  test('what was saved can be given up', async () => {
    await runtime.machines?.save(spec.id, { signal });
    await runtime.machines?.act(spec.id, 'discard', { signal });
    expect(vm(await runtime.get(spec.id, { signal }))?.state.phase).toBe('exited');
    await runtime.ensure(guest(base, 1, spec.id), { signal });
  });

  const boots = async () => (await logOf(runtime, spec.id)).split('guest up').length - 1;

  test.each(['reset', 'reboot'] as const)(
    '%s boots it anew as the same start',
    async (action) => {
      const before = await until('it is up', async () => (await boots()) || undefined, bootMs);
      await runtime.machines?.act(spec.id, action, { signal });
      await until('it has booted again', async () => (await boots()) > before, bootMs);
      expect(vm(await runtime.get(spec.id, { signal }))).toMatchObject({ attempt: 1 });
    },
    bootMs,
  );

  test(
    'a snapshot keeps disks and memory, and both come back as a new start',
    async () => {
      await until('the agent answers', async () => (await exec(['/bin/true'])).code === 0, bootMs);
      const files = '/data/mark /tmp/mark';
      await inGuest(`echo before | tee ${files}; sync`);
      const taken = await runtime.machines?.snapshot(spec.id, 'one', { signal });
      expect(taken).toMatchObject({ memory: true, frozen: true });
      await inGuest(`echo after | tee ${files}; sync`);
      const still = { pause: true, maxMs: bootMs, over: new AbortController() };
      const held = runtime.machines?.still(spec.id, still, { signal }, async (frozen) => frozen);
      expect(await held).toBe(true);
      // Asked again it is not taken again.
      const again = await runtime.machines?.snapshot(spec.id, 'one', { signal });
      expect(again?.createdAtMs).toBe(taken?.createdAtMs);
      await runtime.machines?.restore(spec.id, 'one', { signal });
      const back = vm(await runtime.get(spec.id, { signal }));
      expect(back).toMatchObject({ attempt: 2, state: { phase: 'running' } });
      await until('the agent answers', async () => (await exec(['/bin/true'])).code === 0);
      expect(await inGuest(`cat ${files}; echo written > /data/more; sync; cat /data/more`)).toBe(
        'before\nbefore\nwritten',
      );
      await inGuest('echo said > /dev/ttyS0');
      await until('the log has it', async () => (await logOf(runtime, spec.id)).includes('said'));
      await expect(runtime.machines?.restore(spec.id, 'two', { signal })).rejects.toMatchObject({
        reason: 'NotFound',
      });
    },
    bootMs,
  );

  const contentOf = async (image: string) => {
    const at = `${directory}/mnt`;
    await run('qemu-img', ['convert', '-O', 'raw', image, `${image}.raw`]);
    await run('mkdir', ['-p', at]);
    await run('mount', ['-o', 'loop', `${image}.raw`, at]);
    try {
      return (await run('cat', [`${at}/mark`])).stdout;
    } finally {
      await run('umount', [at]);
    }
  };
  const jobs = () => virsh('domjobinfo');

  test(
    'a disk is captured while the guest writes on, and what cannot be leaves it as it was',
    async () => {
      const before = await pid('vm');
      const path = `${directory}/live.qcow2`;
      await inGuest('echo captured > /data/mark; sync');
      await runtime.machines?.capture(spec.id, { path }, { signal });
      await inGuest('echo later > /data/mark; sync');
      // It stands on no other file.
      expect((await inspectDisk(path, { signal })).sizeBytes).toBe(32n << 20n);
      expect(await contentOf(path)).toBe('captured\n');
      const full = `${directory}/full`;
      await run('mkdir', ['-p', full]);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', full]);
      const failed = runtime.machines?.capture(spec.id, { path: `${full}/x.qcow2` }, { signal });
      await expect(failed).rejects.toMatchObject({
        reason: 'Conflict',
        message: expect.stringMatching(/takes up to \d+ bytes, and only \d+ bytes are free there/),
      });
      expect((await run('ls', [full])).stdout).toBe('');
      await run('umount', [full]);
      expect(await jobs()).toMatch(/None/);
      expect(await inGuest('cat /data/mark')).toBe('later');
      expect(await pid('vm')).toBe(before);
    },
    bootMs,
  );

  test('a capture whose agent was killed is cleared away by the next one', async () => {
    const part = `${directory}/half.qcow2.part`;
    // As it was left: the guest still, the job under way, the note written.
    await run('touch', [part]);
    await writeFile(`${stateDir}/${spec.id}/capture`, part);
    const pull = `<domainbackup mode='pull'><server transport='unix' socket='${directory}/nbd'/>
      <disks><disk name='vda' backup='yes' type='file'><scratch file='${directory}/scratch'/></disk></disks></domainbackup>`;
    await writeFile(`${directory}/pull.xml`, pull);
    await virsh('backup-begin', `${directory}/pull.xml`);
    await virsh('domfsfreeze');
    const next = open();
    const { machine, containers } = spec as { machine: MachineSpec } & InstanceSpec;
    await next.machines?.adjust(
      spec.id,
      { machine, limits: containers[0]?.limits ?? {} },
      { signal },
    );
    await next.close();
    await until('the job is gone', async () => /None/.test(await jobs()));
    expect(existsSync(part)).toBe(false);
    expect(await inGuest('echo thawed > /data/mark; sync; cat /data/mark')).toBe('thawed');
  });

  test('stop is graceful and keeps it; the next attempt boots again with the log before kept', async () => {
    await runtime.stop(spec.id, { signal, graceMs: 60_000 });
    const stopped = await runtime.ensure(guest(base, 2, spec.id), { signal });
    expect(vm(stopped)?.state).toMatchObject({ phase: 'exited', exitCode: 0 });
    expect(stopped.ips).toEqual([]);
    const again = guest(base, 3, spec.id);
    const status = await runtime.ensure(again, { signal });
    expect(vm(status)).toMatchObject({ attempt: 3, state: { phase: 'running' } });
    // It boots, and has no agent yet: it is halted, and no longer than it may be.
    const over = new AbortController();
    const how = { pause: true, maxMs: 500, over };
    const found = await runtime.machines?.still(spec.id, how, { signal }, async (frozen, call) => {
      const state = (await virsh('domstate')).trim();
      await once(call.signal, 'abort');
      return [frozen, state];
    });
    expect(found).toEqual([false, 'paused']);
    expect((await virsh('domstate')).trim()).toBe('running');
    expect(vm(status)?.previous).toMatchObject({ exitCode: 0 });
    expect(await logOf(runtime, spec.id, true)).toContain('said');
  });

  test('what is killed from outside has ended, and observe tells', async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    runtime.observe({ signal: stop.signal }).subscribe((id) => seen.push(id));
    await until('it is named', () => seen.includes(spec.id));
    seen.length = 0;
    const { stdout } = await run('virsh', ['list', '--name']);
    await run('virsh', ['destroy', stdout.trim()]);
    await until('its end is told', () => seen.includes(spec.id));
    expect(vm(await runtime.get(spec.id, { signal }))?.state.phase).toBe('exited');
    stop.abort();
  });

  test(
    'what ended goes back to its memory too, saved; its disk is copied; the snapshot goes',
    async () => {
      const { machines } = runtime;
      const path = `${directory}/copy.qcow2`;
      await machines?.capture(spec.id, { path }, { signal });
      expect((await inspectDisk(path, { signal })).sizeBytes).toBe(32n << 20n);
      const twice = machines?.capture(spec.id, { path }, { signal });
      await expect(twice).rejects.toMatchObject({ reason: 'Conflict' });
      await machines?.restore(spec.id, 'one', { signal });
      expect(await state()).toBe('saved');
      await runtime.ensure(guest(base, 4, spec.id), { signal });
      await until('the agent answers', async () => (await exec(['/bin/true'])).code === 0);
      expect(await inGuest('cat /tmp/mark')).toBe('before');
      await machines?.removeSnapshot(spec.id, 'one', { signal });
      await machines?.removeSnapshot(spec.id, 'one', { signal });
      expect((await run('qemu-img', ['snapshot', '-lU', data.path])).stdout.trim()).toBe('');
    },
    bootMs,
  );
});

describe('libvirt alone', () => {
  test(
    'a guest that heeds nobody is ended in time; its screen is shown; a full disk halts it until there is room',
    async () => {
      const small = `${stateDir}-small`;
      await run('umount', [small]).catch(() => undefined);
      await run('mkdir', ['-p', small]);
      await run('truncate', ['-s', '24M', `${small}.img`]);
      await run('mkfs.ext4', ['-qF', `${small}.img`]);
      await run('mount', ['-o', 'loop', `${small}.img`, small]);
      const path = `${small}/d.qcow2`;
      await ensureDisk({ path, sizeBytes: 64n << 20n }, { signal });
      await run('fallocate', ['-l', '12M', `${small}/filler`]);
      // A shell in the place of everything that would hear a button.
      const commandLine = 'console=ttyS0 quiet mitigations=off no_timer_check rdinit=/bin/sh';
      const { boot } = guest().machine as { boot: object };
      const machine = {
        boot: { ...boot, commandLine } as MachineSpec['boot'],
        interfaces: [],
        disks: [{ name: 'd', path, format: 'qcow2', readOnly: false }] as const,
        graphics: true,
      };
      const { id } = await runtime.ensure(guest(machine), { signal });
      const screen = await runtime.machines?.openScreen(id, { signal });
      const [hello] = (await once(screen as Duplex, 'data')) as [Buffer];
      expect(hello.toString()).toMatch(/^RFB 003/);
      screen?.destroy();
      const session = await runtime.attach(id, { container: 'vm', stdin: true, signal });
      await until('it asks', async () => (await logOf(runtime, id)).includes('/ #'), bootMs);
      const load =
        '. /etc/mods; mount -t devtmpfs dev /dev; dd if=/dev/urandom of=/dev/vda bs=64k count=400';
      session.stdin?.write(`\n${load}\n`);
      const told = async () => (await runtime.get(id, { signal }))?.machine;
      await until('it is halted', async () => (await told())?.trouble, bootMs);
      expect(await told()).toMatchObject({
        state: 'paused',
        trouble: expect.stringMatching(/full/),
      });
      const more = ensureDisk({ path: `${small}/more.qcow2`, sizeBytes: 64n << 20n }, { signal });
      await expect(more).rejects.toMatchObject({
        name: 'DiskError',
        message: expect.stringMatching(/more.qcow2 cannot be made: .*No space left/),
      });
      expect((await run('ls', [small])).stdout).not.toContain('more');
      await run('rm', [`${small}/filler`]);
      await runtime.setPaused(id, false, { signal });
      expect(await told()).toMatchObject({ state: 'running' });
      expect((await told())?.trouble).toBeUndefined();
      await runtime.stop(id, { signal, graceMs: 2_000 });
      expect(vm(await runtime.get(id, { signal }))?.state).toMatchObject({
        phase: 'exited',
        exitCode: 137,
      });
      await runtime.remove(id, { signal, graceMs: 0 });
      await run('umount', [small]);
    },
    bootMs,
  );

  const runtime = open(`${nodeId}-alone`);
  afterEach(async () => {
    expect(await runtime.list({ signal })).toEqual([]);
  });

  test('a missing disk fails the start with its name, and leaves nothing', async () => {
    const disks = [
      { name: 'root', path: '/absent.qcow2', format: 'qcow2', readOnly: false },
    ] as const;
    await expect(runtime.ensure(guest({ disks }), { signal })).rejects.toMatchObject({
      reason: 'StartFailed',
      container: 'vm',
      message: expect.stringContaining('/absent.qcow2'),
    });
  });

  test('what libvirt does not take is an invalid specification', async () => {
    const bad = guest({ topology: { sockets: 3, cores: 1, threads: 1 } });
    await expect(runtime.ensure(bad, { signal })).rejects.toMatchObject({ reason: 'InvalidSpec' });
  });

  test('a pod is no machine', async () => {
    const { machine: _, ...pod } = guest();
    await expect(runtime.ensure(pod, { signal })).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('VM'),
    });
  });
});
