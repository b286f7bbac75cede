import { expect, test } from 'vitest';
import type { MachineSpec } from '../machine.ts';
import { fixedParts, planAdopted, planLiveChanges } from './live-changes.ts';
import { readLiveMachine } from './live-machine.ts';

/** As libvirt 9 describes one that runs; what is not read is left out. */
const dump = `<domain type='qemu' id='5'>
  <memory unit='KiB'>196608</memory>
  <currentMemory unit='KiB'>163840</currentMemory>
  <vcpu placement='static' current='1'>2</vcpu>
  <cputune>
    <shares>512</shares>
    <period>100000</period>
    <quota>90000</quota>
  </cputune>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='/d/a &amp; b.qcow2' index='2'/>
      <backingStore type='file' index='3'>
        <format type='raw'/>
        <source file='/images/base'/>
        <backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      <iotune>
        <read_bytes_sec>1048576</read_bytes_sec>
        <write_iops_sec>20</write_iops_sec>
      </iotune>
      <serial>root</serial>
    </disk>
    <disk type='file' device='disk'>
      <source file='/d/seed.img' index='1'/>
      <target dev='vdb' bus='virtio'/>
      <readonly/>
      <serial>cidata</serial>
    </disk>
    <disk type='file' device='cdrom'>
      <source file='/theirs.iso'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='network' device='disk'>
      <source protocol='rbd' name='pool/image'/>
      <target dev='vdc' bus='virtio'/>
    </disk>
    <interface type='user'>
      <mac address='52:54:00:00:00:01'/>
    </interface>
    <interface type='bridge'>
      <mac address='02:be:0a:63:00:65'/>
      <source bridge='br0'/>
      <target dev='vnet10'/>
    </interface>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
    <graphics type='vnc' socket='/run/vnc.sock'>
      <listen type='socket' socket='/run/vnc.sock'/>
    </graphics>
    <memballoon model='virtio'>
      <stats period='5'/>
    </memballoon>
  </devices>
</domain>`;

const limits = { readBytesPerSecond: 1_048_576n, writeIops: 20 };
const root = {
  name: 'root',
  path: '/d/a & b.qcow2',
  readOnly: false,
  format: 'qcow2',
  limits,
} as const;
const nic = { mac: '02:be:0a:63:00:65', bridge: 'br0' };
const want: MachineSpec = {
  cpus: 1,
  cpusMax: 2,
  memoryBytes: 160n << 20n,
  memoryMaxBytes: 192n << 20n,
  boot: { type: 'disk' },
  disks: [root],
  interfaces: [nic],
};
const time = { cpuMilli: 900, cpuRequestMilli: 500 };
const plan = (more: Partial<MachineSpec> = {}, limitsOf = time) =>
  planLiveChanges(readLiveMachine(dump), fixedParts(want), { ...want, ...more }, limitsOf);

test('what runs is read as it is', () => {
  expect(readLiveMachine(dump)).toEqual({
    cpus: 1,
    cpusMax: 2,
    memoryBytes: 160n << 20n,
    memoryMaxBytes: 192n << 20n,
    shares: 512,
    quotaMicros: 90_000,
    disks: [
      {
        name: 'root',
        target: 'vda',
        bus: 'virtio',
        path: '/d/a & b.qcow2',
        isDevice: false,
        readOnly: false,
        limits,
      },
      {
        name: 'cidata',
        target: 'vdb',
        bus: 'virtio',
        path: '/d/seed.img',
        isDevice: false,
        readOnly: true,
        limits: {},
      },
    ],
    targets: ['vda', 'vdb', 'sda', 'vdc'],
    interfaces: [nic],
    screen: '/run/vnc.sock',
    agent: true,
  });
});

test('what is as it shall be is left alone, and so is what its guest boots with', () => {
  expect(plan()).toEqual({ changes: [], restart: [] });
  // Balloons are never exact.
  expect(plan({ memoryBytes: (160n << 20n) + 4_096n }).changes).toEqual([]);
});

test('CPUs come and do not go; each has its share of the time', () => {
  expect(plan({ cpus: 2 })).toEqual({
    changes: [
      { type: 'cpus', cpus: 2 },
      { type: 'cpuTime', quotaMicros: 45_000 },
    ],
    restart: [],
  });
  expect(plan({ cpus: 3 })).toEqual({ changes: [], restart: ['spec.resources.requests.cpu'] });
  const two = { ...readLiveMachine(dump), cpus: 2, quotaMicros: 45_000 };
  expect(planLiveChanges(two, '', want, time)).toEqual({
    changes: [],
    restart: ['spec.resources.requests.cpu'],
  });
  expect(plan({}, { cpuMilli: 900, cpuRequestMilli: 1_000 }).changes).toEqual([
    { type: 'cpuTime', quotaMicros: 90_000, shares: 1_024 },
  ]);
});

test('memory goes up to its maximum, and back', () => {
  for (const memoryBytes of [192n << 20n, 128n << 20n]) {
    expect(plan({ memoryBytes })).toEqual({
      changes: [{ type: 'memory', memoryBytes }],
      restart: [],
    });
  }
  expect(plan({ memoryBytes: 1n << 30n }).restart).toEqual(['spec.resources.requests.memory']);
});

test('disks by name: attached to a free place, detached, limited; another file waits', () => {
  const more = { name: 'more', path: '/d/more', readOnly: false, format: 'qcow2' } as const;
  expect(plan({ disks: [more] }).changes).toMatchObject([
    { type: 'detachDisk', disk: { name: 'root' } },
    { type: 'attachDisk', disk: more, target: 'vdd' },
  ]);
  const { limits: _, ...free } = root;
  expect(plan({ disks: [free] }).changes).toEqual([{ type: 'limits', disk: 'vda', limits: {} }]);
  expect(plan({ disks: [{ ...root, path: '/other' }] })).toEqual({
    changes: [],
    restart: ['spec.disks[root]'],
  });
});

test('interfaces by MAC and bridge', () => {
  const moved = { ...nic, bridge: 'br1' };
  expect(plan({ interfaces: [moved] }).changes).toEqual([
    { type: 'detachInterface', interface: nic },
    { type: 'attachInterface', interface: moved },
  ]);
});

test('what holds only from a start on is named by its field; what was started before is not judged', () => {
  const boot = { type: 'kernel', kernelPath: '/k', commandLine: '' } as const;
  const other = { boot, graphics: false, cpusMax: 4, hugepageBytes: 2n << 20n };
  expect(plan(other).restart).toEqual([
    'spec.boot',
    'spec.cpu.max',
    'spec.memory.hugepages',
    'spec.graphics',
  ]);
  expect(planLiveChanges(readLiveMachine(dump), '', { ...want, ...other }, time).restart).toEqual(
    [],
  );
});

test('of what was adopted what libvirt alone says is refused, and time is limited on request only', () => {
  const other = { ...want, cpus: 3, graphics: false, cpuModel: 'Haswell' };
  const adopted = (limitsOf: object) =>
    planAdopted(readLiveMachine(dump), fixedParts(want), other, limitsOf);
  expect(adopted({ cpuRequestMilli: 500 })).toEqual({
    changes: [],
    restart: ['spec.resources.requests.cpu'],
    refused: ['spec.cpu.model', 'spec.graphics'],
  });
  expect(adopted({ cpuMilli: 500, cpuRequestMilli: 500 }).changes).toEqual([
    { type: 'cpuTime', quotaMicros: 50_000 },
  ]);
});
