import { expect, test } from 'vitest';
import { describeDomain } from './describe.ts';

/** As libvirt 9 describes one of virt-manager's; what is not read is left out. */
const windows = `<domain type='kvm'>
  <memory unit='KiB'>4194304</memory>
  <currentMemory unit='KiB'>2097152</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <cputune>
    <vcpupin vcpu='0' cpuset='1'/>
  </cputune>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <boot dev='hd'/>
  </os>
  <cpu mode='host-passthrough' check='none' migratable='on'>
    <topology sockets='1' dies='1' cores='2' threads='2'/>
  </cpu>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/srv/win &amp; co.img'/>
      <target dev='sda' bus='sata'/>
      <iotune>
        <total_iops_sec>0</total_iops_sec>
        <read_bytes_sec>1048576</read_bytes_sec>
      </iotune>
      <serial>WD-1234</serial>
    </disk>
    <disk type='block' device='disk'>
      <source dev='/dev/vg/data'/>
      <target dev='vda' bus='virtio'/>
      <readonly/>
      <serial>data</serial>
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sdb' bus='sata'/>
      <readonly/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:aa:bb:cc'/>
      <source network='default' portid='8' bridge='virbr0'/>
    </interface>
    <interface type='direct'>
      <mac address='52:54:00:aa:bb:cd'/>
      <source dev='eth0' mode='bridge'/>
    </interface>
    <graphics type='spice' autoport='yes'/>
    <hostdev mode='subsystem' type='pci' managed='yes'/>
  </devices>
</domain>`;

test('a domain is told as a VM: processors, memory, disks where they lie, interfaces on bridges', () => {
  expect(describeDomain(windows, true).spec).toEqual({
    resources: { requests: { cpu: '2', memory: '2048Mi' } },
    cpu: { model: 'host-passthrough', sockets: 1, cores: 2, threads: 2, max: 4 },
    memory: { max: '4096Mi' },
    disks: [
      { name: 'sda', path: '/srv/win & co.img', limits: { readBandwidth: '1048576' } },
      { name: 'data', path: '/dev/vg/data', readOnly: true },
    ],
    interfaces: [{ mac: '52:54:00:aa:bb:cc', bridge: 'virbr0' }],
    graphics: true,
  });
});

test('what is not shown, and what cannot be done with it, is named', () => {
  expect(describeDomain(windows, true).lacking).toEqual([
    'berth logs: its console is not kept; "berth console" shows it while it runs',
    'cloudInit: it gets no disk of cloud-init',
    'berth exec: it has no channel for an agent in the guest',
    '1 drive of another kind, 1 interface of another kind, hostdev: kept as libvirt has them, not shown',
    'cputune: kept as libvirt has them, not shown',
  ]);
});

test('one that is off stays so; a kernel is named with what it is told', () => {
  const xml = `<domain><memory>65536</memory><currentMemory>65536</currentMemory><vcpu>1</vcpu>
    <os><kernel>/k</kernel><cmdline>a &lt; b</cmdline></os><devices/></domain>`;
  expect(describeDomain(xml, false).spec).toEqual({
    running: false,
    resources: { requests: { cpu: '1', memory: '64Mi' } },
    boot: { kernel: '/k', commandLine: 'a < b' },
    disks: [],
    interfaces: [],
    graphics: false,
  });
});
