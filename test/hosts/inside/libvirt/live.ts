/** What is changed of a machine while it runs: CPUs, memory, disks, interfaces; and its console. */
import { expect, test } from 'vitest';
import { ensureDisk } from '../../../../runtime/disk/disk-images.ts';
import type { MachineDisk, MachineSpec } from '../../../../runtime/machine.ts';
import { signal } from '../../../contract/instance/life.ts';
import { until } from '../../../e2e/until.ts';
import { data, directory, type Guest, ip, machine } from './guest.ts';

export function liveTests(guest: Guest): void {
  const { life } = guest;
  const same = { restart: [], failures: [], changed: false, agent: true, addresses: [ip] };
  const grown = { cpus: 2, memoryBytes: 192n << 20n };
  /** A guest gives memory back, and takes it, by and by. */
  const untilSettled = (more: Partial<MachineSpec>) =>
    until('nothing is left to do', async () => (await guest.adjust(more))?.changed === false);

  test('how guests are run here is told, and it answers at its address', async () => {
    expect((await life.runtime.info({ signal })).version).toMatch(/^\d+\.\d+\.\d+-(kvm|tcg)$/);
    expect((await life.status()).ips).toEqual([ip]);
    expect(await (await fetch(`http://${ip}/`)).text()).toBe('vm\n');
  });

  test('its console is a terminal on both sides', async () => {
    const options = { container: 'vm', stdin: true, signal };
    const session = await life.runtime.attach(life.id, options);
    session.stdin?.write('\necho con-$((6*7))\n');
    let said = '';
    for await (const chunk of session.stdout.iterator({ destroyOnReturn: false })) {
      said += chunk;
      if (said.includes('con-42')) break;
    }
    expect(said).toContain('con-42');
    expect(await life.log({ tailLines: 3 })).toContain('con-42');
  });

  test('its screen is refused where it has none', async () => {
    await expect(guest.machines.openScreen(life.id, { signal })).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('graphics: false'),
    });
  });

  test('its processors are moved', async () => {
    await life.runtime.setCpus?.(life.id, { cpus: '1', isAll: false }, { signal });
    expect(await guest.virsh('vcpupin')).toMatch(/^ *0 +1$/m);
    expect(await guest.virsh('emulatorpin')).toMatch(/\*: +1$/m);
    await life.runtime.setCpus?.(life.id, { cpus: '0-1', isAll: true }, { signal });
  });

  test('what is as it shall be is left alone; what needs a restart is named', async () => {
    await untilSettled({});
    expect(await guest.adjust({})).toEqual(same);
    const more = { cpus: 3, memoryBytes: 1n << 30n, cpuModel: 'Haswell', graphics: true };
    expect(await guest.adjust(more)).toEqual({
      ...same,
      restart: [
        'spec.cpu.model',
        'spec.graphics',
        'spec.resources.requests.cpu',
        'spec.resources.requests.memory',
      ],
    });
  });

  test('CPUs, memory and CPU time are changed', async () => {
    expect(await guest.adjust(grown)).toEqual({ ...same, changed: true });
    expect(await guest.virsh('schedinfo')).toMatch(/vcpu_quota *: 45000/);
    // The guest's agent is asked again where it did not take it into use yet.
    await until('it is in use', async () => {
      await guest.adjust(grown);
      return (await guest.sh('nproc')) === '2';
    });
    const total = async () =>
      Number(/\d+/.exec(await guest.sh('grep MemTotal /proc/meminfo'))?.[0] ?? 0);
    await until('the guest has its memory', async () => (await total()) > 150_000);
    await untilSettled(grown);
    expect(await guest.adjust(grown)).toEqual(same);
    // Never taken away while it runs.
    expect((await guest.adjust({ memoryBytes: 192n << 20n }))?.restart).toEqual([
      'spec.resources.requests.cpu',
    ]);
  });

  test('a disk is attached, limited, grown and detached', async () => {
    const path = `${directory}/more.qcow2`;
    await ensureDisk({ path, sizeBytes: 32n << 20n }, { signal });
    const disk = { name: 'more', path, format: 'qcow2', readOnly: false } as const;
    const disks = (...more: readonly MachineDisk[]) => ({ ...grown, disks: [data, ...more] });
    const limited = { ...disk, limits: { writeIops: 30 } };
    const sectors = () => guest.sh('cat /sys/block/vdb/size');
    expect(await guest.adjust(disks(disk))).toEqual({ ...same, changed: true });
    await until('the guest has it', async () => (await sectors()) === '65536');
    expect((await guest.adjust(disks(limited)))?.failures).toEqual([]);
    expect(await guest.virsh('blkdeviotune', 'vdb')).toMatch(/write_iops_sec *: 30/);
    const large = { ...limited, sizeBytes: 48n << 20n };
    expect(await guest.adjust(disks(large))).toEqual({ ...same, changed: true });
    await until('the guest sees its size', async () => (await sectors()) === '98304');
    await until('it is detached', async () => {
      const { failures = [] } = (await guest.adjust(disks())) ?? {};
      return failures.length === 0;
    });
    expect(await guest.sh('ls /sys/block')).not.toContain('vdb');
    const absent = { ...disk, name: 'gone', path: '/absent.qcow2' };
    expect((await guest.adjust(disks(absent)))?.failures).toEqual([
      expect.stringMatching(/^disk "gone" not attached: .*\/absent.qcow2/),
    ]);
  });

  test('an interface is attached and detached', async () => {
    const nic = { bridge: 'br0', mac: '02:00:0a:63:00:66', ip: '10.99.0.102' };
    const interfaces = [...machine.interfaces, nic];
    expect(await guest.adjust({ ...grown, interfaces })).toEqual({ ...same, changed: true });
    const macs = () => guest.sh('cat /sys/class/net/*/address');
    await until('the guest has it', async () => (await macs()).includes(nic.mac));
    expect((await life.status()).ips).toEqual([ip, nic.ip]);
    await until('it is detached', async () => (await guest.adjust(grown))?.failures.length === 0);
    expect(await macs()).not.toContain(nic.mac);
    await until('its address is gone', async () => (await guest.adjust(grown))?.changed === false);
    expect((await life.status()).ips).toEqual([ip]);
  });
}
