/** Guests of a test's own: one that heeds nobody on a disk that is full, and those that cannot be. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { ensureDisk } from '../../../../runtime/disk/disk-images.ts';
import type { MachineSpec } from '../../../../runtime/machine.ts';
import { mainOf, signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { guest, libvirtHarness, machine, open, run, stateDir, stateOf } from './guest.ts';

const small = `${stateDir}-small`;

export function aloneTests(): void {
  const nodeId = `node-${randomUUID().slice(0, 8)}`;
  const runtime = open(nodeId);
  const id = randomUUID();

  afterEach(async () => {
    expect(await runtime.list({ signal })).toEqual([]);
    expect(await libvirtHarness.leftovers(nodeId)).toEqual([]);
  });

  const statusOf = async () => {
    const status = await runtime.get(id, { signal });
    if (status === undefined) throw new Error('nothing is known of it');
    return status;
  };
  const log = async () => {
    const options = { container: 'vm', previous: false, follow: false, timestamps: false, signal };
    let text = '';
    for await (const { data } of runtime.logs(id, options)) text += Buffer.from(data);
    return text;
  };

  test('one that heeds nobody is ended in time; its screen is shown; a full disk halts it until there is room', async () => {
    await runtime.ensure(await deafGuest(id), { signal });
    const screen = await runtime.machines?.openScreen(id, { signal });
    const [hello] = (await once(screen as Duplex, 'data')) as [Buffer];
    expect(hello.toString()).toMatch(/^RFB 003/);
    screen?.destroy();
    const session = await runtime.attach(id, { container: 'vm', stdin: true, signal });
    await until('it asks', async () => (await log()).includes('/ #'), libvirtHarness.bootMs);
    const load =
      '. /etc/mods; mount -t devtmpfs dev /dev; dd if=/dev/urandom of=/dev/vda bs=64k count=400';
    session.stdin?.write(`\n${load}\n`);
    const told = async () => (await statusOf()).machine;
    await until('it is halted', async () => (await told())?.trouble, libvirtHarness.bootMs);
    expect(await told()).toMatchObject({
      state: 'paused',
      trouble: expect.stringMatching(/full/),
    });
    // What the guest could not write may have been larger than what another disk needs.
    await expect(run('dd', ['if=/dev/zero', `of=${small}/rest`, 'bs=4k'])).rejects.toMatchObject({
      stderr: expect.stringMatching(/No space left/),
    });
    const more = ensureDisk({ path: `${small}/more.qcow2`, sizeBytes: 64n << 20n }, { signal });
    await expect(more).rejects.toMatchObject({
      name: 'DiskError',
      message: expect.stringMatching(/more.qcow2 cannot be made: .*No space left/),
    });
    expect((await run('ls', [small])).stdout).not.toContain('more');
    await run('rm', [`${small}/filler`, `${small}/rest`]);
    await runtime.setPaused(id, false, { signal });
    expect(await told()).toMatchObject({ state: 'running' });
    expect((await told())?.trouble).toBeUndefined();
    await runtime.stop(id, { signal, graceMs: 2_000 });
    expect(mainOf(await statusOf()).state).toMatchObject({ phase: 'exited', exitCode: 137 });
    await runtime.remove(id, { signal, graceMs: 0 });
    await run('umount', [small]);
  });

  test('what libvirt does not take is an invalid specification', async () => {
    const bad = guest(id, { topology: { sockets: 3, cores: 1, threads: 1 } });
    await expect(runtime.ensure(bad, { signal })).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringMatching(/topology/),
    });
  });

  test('the disks of one that never started go with it', async () => {
    const disk = { name: 'own', path: `${stateOf(nodeId)}/${id}/own.qcow2` };
    await ensureDisk({ path: disk.path, sizeBytes: 1n << 20n }, { signal });
    const disks = [{ ...disk, format: 'qcow2', readOnly: false }] as const;
    const boot = { type: 'kernel', kernelPath: '/berth/absent', commandLine: '' } as const;
    await expect(runtime.ensure(guest(id, { disks, boot }), { signal })).rejects.toMatchObject({
      reason: 'StartFailed',
      message: expect.stringMatching(/absent/),
    });
    await runtime.remove(id, { signal, graceMs: 0 });
  });
}

/** A shell in the place of everything that would hear a button, and a disk with little room below it. */
async function deafGuest(id: string) {
  await run('umount', [small]).catch(() => undefined);
  await run('mkdir', ['-p', small]);
  await run('truncate', ['-s', '24M', `${small}.img`]);
  await run('mkfs.ext4', ['-qF', `${small}.img`]);
  await run('mount', ['-o', 'loop', `${small}.img`, small]);
  const path = `${small}/d.qcow2`;
  await ensureDisk({ path, sizeBytes: 64n << 20n }, { signal });
  await run('fallocate', ['-l', '12M', `${small}/filler`]);
  const commandLine = 'console=ttyS0 quiet mitigations=off no_timer_check rdinit=/bin/sh';
  const boot: MachineSpec['boot'] = {
    ...{ type: 'kernel', kernelPath: '/lab/vmlinuz', initrdPath: '/lab/initrd.gz' },
    commandLine,
  };
  const disks = [{ name: 'd', path, format: 'qcow2', readOnly: false }] as const;
  const { cpus, memoryBytes } = machine;
  return guest(id, { cpus, memoryBytes, boot, interfaces: [], disks, graphics: true });
}
