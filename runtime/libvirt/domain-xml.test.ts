import { expect, test } from 'vitest';
import type { MachineSpec } from '../machine.ts';
import type { ContainerSpec, CpuChoice, InstanceSpec } from '../runtime.ts';
import {
  type DomainLabels,
  diskTarget,
  diskXml,
  domainXml,
  readLabels,
  snapshotXml,
} from './domain-xml.ts';

const labels: DomainLabels = {
  node: 'n',
  instance: '0a',
  namespace: 'default',
  name: `odd "name" & <more>'`,
  container: 'vm',
  attempt: 3,
  image: '/srv/a.qcow2',
  startedAtMs: 1_700_000_000_000,
  ips: '10.0.0.1 10.0.0.2',
  fixed: '{"a":"<b>"}',
};
const machine: MachineSpec = {
  cpus: 2,
  memoryBytes: 1n << 30n,
  boot: { type: 'disk' },
  disks: [{ name: 'root', path: '/d/root.qcow2', format: 'qcow2', readOnly: false }],
  interfaces: [{ bridge: 'br0', mac: '02:00:0a:63:00:65' }],
};
const container = { limits: {} } as ContainerSpec;
const instance = { id: '0a', namespace: 'default', name: 'db' } as InstanceSpec;
const tcg = { kvm: false, architecture: 'x86_64', emulator: '/usr/bin/qemu-system-x86_64' };
const files = { consoleLog: '/s/console.3.log' };
const xmlOf = (more: Partial<MachineSpec> = {}, of = container, on = tcg, cpus?: CpuChoice) =>
  domainXml(
    'u',
    'd',
    labels,
    { ...instance, ...(cpus === undefined ? {} : { cpus }), machine: { ...machine, ...more } },
    of,
    on,
    files,
  );

test('labels come back as they were, whatever is in them', () => {
  expect(readLabels(xmlOf())).toEqual(labels);
  // As libvirt gives them back.
  expect(readLabels(`<instance node='n' instance='0a' attempt='3'/>`)).toMatchObject({
    node: 'n',
    instance: '0a',
    attempt: 3,
  });
});

test("processors: the host's own with KVM, a plain one without, a named one where asked", () => {
  expect(xmlOf()).toContain('<model fallback="allow">qemu64</model>');
  expect(xmlOf({}, container, { ...tcg, kvm: true })).toContain('<cpu mode="host-passthrough"/>');
  expect(xmlOf({ cpuModel: 'Haswell' })).toContain('<model fallback="allow">Haswell</model>');
  const topology = { sockets: 2, cores: 2, threads: 1 };
  expect(xmlOf({ cpuModel: 'host-model', topology })).toContain(
    '<cpu mode="host-model"><topology sockets="2" cores="2" threads="1"/></cpu>',
  );
  expect(xmlOf({ cpusMax: 4 })).toContain('<vcpu placement="static" current="2">4</vcpu>');
});

test('a limit on CPU is shared out among the CPUs; pins hold for all of them and the emulator', () => {
  const limited = { limits: { cpuMilli: 1000, cpuRequestMilli: 500 } } as ContainerSpec;
  const xml = xmlOf({}, limited, tcg, { cpus: '2-3', isAll: false, memoryNodes: '1' });
  expect(xml).toContain('<shares>512</shares><period>100000</period><quota>50000</quota>');
  expect(xml).toContain('<vcpupin vcpu="1" cpuset="2-3"/><emulatorpin cpuset="2-3"/>');
  expect(xml).toContain('<numatune><memory mode="strict" nodeset="1"/></numatune>');
  expect(xmlOf({}, container, tcg, { cpus: '0-7', isAll: true })).not.toContain('cputune');
});

test('boot from a disk, or from a kernel', () => {
  expect(xmlOf()).toContain('<boot dev="hd"/>');
  const boot = { type: 'kernel', kernelPath: '/k', commandLine: 'a="b" c' } as const;
  const xml = xmlOf({ boot });
  expect(xml).toContain('<kernel>/k</kernel><cmdline>a=&quot;b&quot; c</cmdline>');
  expect(xml).not.toContain('<boot dev');
});

test('disks with limits, and their names in order', () => {
  const limits = { writeIops: 20, readBytesPerSecond: 1_048_576n };
  const disk = { name: 'data', path: '/d', format: 'raw', readOnly: true, limits } as const;
  const xml = diskXml(disk, 'vdb');
  expect(xml).toContain('<read_bytes_sec>1048576</read_bytes_sec><write_iops_sec>20');
  expect(xml).toContain('<readonly/>');
  expect([0, 25, 26, 51, 52].map(diskTarget)).toEqual(['vda', 'vdz', 'vdaa', 'vdaz', 'vdba']);
});

test('a snapshot is of all disks that can be written, with memory while it runs', () => {
  const disks = [
    { target: 'vda', readOnly: false },
    { target: 'vdb', readOnly: true },
  ];
  expect(snapshotXml('s', disks, true)).toBe(
    '<domainsnapshot><name>s</name><memory snapshot="internal"/><disks>' +
      '<disk name="vda" snapshot="internal"/><disk name="vdb" snapshot="no"/></disks></domainsnapshot>',
  );
  expect(snapshotXml('s', disks, false)).toContain('<memory snapshot="no"/>');
});

test('memory that can grow, and large pages', () => {
  const xml = xmlOf({ memoryMaxBytes: 2n << 30n, hugepageBytes: 2n << 20n });
  expect(xml).toContain('<memory unit="b">2147483648</memory>');
  expect(xml).toContain('<currentMemory unit="b">1073741824</currentMemory>');
  expect(xml).toContain('<page size="2097152" unit="b"/>');
});

test('GPUs are handed through by their places on the bus, and each has a port', () => {
  const gpu = { vendor: 'nvidia', id: 'GPU-1', paths: [], address: '0000:3b:00.1' } as const;
  const xml = xmlOf({}, { ...container, gpus: [gpu] });
  expect(xml).toContain(
    '<hostdev mode="subsystem" type="pci" managed="yes"><source>' +
      '<address domain="0x0000" bus="0x3b" slot="0x00" function="0x1"/></source></hostdev>',
  );
  const ports = (text: string) => text.split('pcie-root-port').length;
  expect(ports(xml) - ports(xmlOf())).toBe(1);
  const { address: _, ...nowhere } = gpu;
  expect(() => xmlOf({}, { ...container, gpus: [nowhere] })).toThrow('no place on the PCI bus');
});
