import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readDiskHardware } from './disk-hardware.ts';
import { readHardware } from './hardware.ts';
import { topologyStatus } from './topology-status.ts';

const made: string[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await rm(each, { recursive: true, force: true });
});

/** What the kernel of such a machine shows; a text that begins with `->` is a link to that place. */
async function machine(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'berth-topology-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (text.startsWith('->')) await symlink(join(root, text.slice(2)), join(root, path));
    else await writeFile(join(root, path), `${text}\n`);
  }
  return root;
}

const cpu = (id: number, socket: number, siblings: string) => ({
  [`sys/devices/system/cpu/cpu${id}/topology/physical_package_id`]: String(socket),
  [`sys/devices/system/cpu/cpu${id}/topology/thread_siblings_list`]: siblings,
  [`sys/devices/system/cpu/cpu${id}/node${socket}/cpulist`]: '',
});
const memory = (id: number, cpus: string, distance: string) => ({
  [`sys/devices/system/node/node${id}/meminfo`]: `Node ${id} MemTotal:       16777216 kB`,
  [`sys/devices/system/node/node${id}/cpulist`]: cpus,
  [`sys/devices/system/node/node${id}/distance`]: distance,
});

/** Two sockets with a memory each, hyperthreads, an offline processor, a bond and a container's veth. */
const server = {
  'sys/devices/system/cpu/online': '0-2,4',
  ...{ ...cpu(0, 0, '0,2'), ...cpu(2, 0, '0,2'), ...cpu(1, 1, '1'), ...cpu(4, 1, '4') },
  'proc/cpuinfo': [0, 1, 2, 4]
    .map((id) => `processor\t: ${id}\nvendor_id\t: X\nmodel name\t: Xeon 6248  \n`)
    .join('\n'),
  ...memory(0, '0,2', '10 21'),
  ...memory(1, '1,4', '21 10'),
  'sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages': '512',
  'sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages': '0',
  'sys/devices/system/node/has_cpu': '0-1',
  'sys/class/net/eno1/device/numa_node': '1',
  'sys/class/net/eno1/address': '52:54:00:00:00:01',
  'sys/class/net/eno1/speed': '25000',
  'sys/class/net/eno2/device/numa_node': '-1',
  'sys/class/net/eno2/speed': '-1',
  'sys/class/net/bond0/bonding/mode': '802.3ad 4',
  'sys/class/net/bond0/speed': '50000',
  'sys/class/net/veth12/address': '52:54:00:00:00:02',
  'sys/class/net/br0/address': '52:54:00:00:00:03',
  'proc/net/route': 'Iface\tDestination\tGateway\nveth12\t0000FEA9\t0\nbr0\t00000000\t010011AC',
  'proc/sys/kernel/osrelease': '6.12.1',
  'sys/fs/cgroup/cgroup.controllers': 'cpu io memory',
};

describe('hardware', () => {
  it('of a server with two sockets', async () => {
    const found = await readHardware(await machine(server));
    const model = 'Xeon 6248';
    expect(found.cores).toEqual([
      { id: 0, socket: 0, numaNode: 0, siblings: '0,2', model },
      { id: 1, socket: 1, numaNode: 1, model },
      { id: 2, socket: 0, numaNode: 0, siblings: '0,2', model },
      { id: 4, socket: 1, numaNode: 1, model },
    ]);
    expect(found.numaNodes).toEqual([
      { id: 0, cores: '0,2', memory: '16Gi', distances: [10, 21] },
      {
        ...{ id: 1, cores: '1,4', memory: '16Gi', distances: [21, 10] },
        hugepages: [{ size: '2Mi', total: 512 }],
      },
    ]);
    expect(found.nics).toEqual([
      { name: 'bond0', speed: 50000 },
      { name: 'br0', mac: '52:54:00:00:00:03' },
      { name: 'eno1', mac: '52:54:00:00:00:01', speed: 25000, numaNode: 1 },
      { name: 'eno2' },
    ]);
    expect(found).toMatchObject({ kernel: '6.12.1', cgroupVersion: 2 });
  });

  it('of a machine that tells nothing is nothing, and no failure', async () => {
    expect(await readHardware(await machine({}))).toEqual({
      ...{ cores: [], numaNodes: [], nics: [], kernel: undefined, cgroupVersion: undefined },
    });
  });
});

describe('what a disk lies on', () => {
  const disk = (name: string, model: string, turns: 0 | 1) => ({
    [`sys/devices/pci/${name}/device/model`]: model,
    [`sys/devices/pci/${name}/queue/rotational`]: String(turns),
  });

  it('is found through partitions and logical volumes', async () => {
    const root = await machine({
      ...disk('sda', 'ST4000NM', 1),
      'sys/devices/pci/sda/sda2/partition': '2',
      'sys/devices/virtual/block/dm-0/slaves/sda2': '->sys/devices/pci/sda/sda2',
      'sys/devices/virtual/block/dm-0/queue/rotational': '0',
      'sys/dev/block/8:2': '->sys/devices/pci/sda/sda2',
      'sys/dev/block/253:0': '->sys/devices/virtual/block/dm-0',
      ...disk('nvme0n1', 'SAMSUNG MZ', 0),
      'sys/dev/block/259:0': '->sys/devices/pci/nvme0n1',
    });
    const turning = { model: 'ST4000NM', rotational: true };
    expect(await readDiskHardware('8:2', root)).toEqual(turning);
    expect(await readDiskHardware('253:0', root)).toEqual(turning);
    expect(await readDiskHardware('259:0', root)).toEqual({
      ...{ model: 'SAMSUNG MZ', rotational: false },
    });
    // tmpfs, overlay, NFS.
    expect(await readDiskHardware('0:33', root)).toEqual({});
  });
});

describe('status', () => {
  it('sums up what was found, and tells of no GPU that has gone', async () => {
    const hardware = await readHardware(await machine(server));
    const gpu = { vendor: 'nvidia', model: 'T4', paths: [] } as const;
    const status = topologyStatus({
      hardware,
      memoryBytes: 33_000_000_123n,
      disks: [
        {
          disk: { name: 'ssd', class: 'fast', path: '/srv', capacity: '1Ti', readBPS: 5 },
          hardware: { model: 'SAMSUNG MZ' },
          measured: {},
        },
      ],
      gpus: [
        { ...gpu, id: 'GPU-a', uuid: 'GPU-a', address: '01', memoryBytes: 1n << 34n },
        undefined,
        { ...gpu, id: '03', address: '03', numaNode: 1 },
      ],
      runtimes: [
        { name: 'docker', version: '26.1' },
        { name: 'libvirt', message: 'no answer', cannot: ['sysctls'] },
      ],
    });
    expect(status.summary).toEqual({
      ...{ cpus: 4, numaNodes: 2, memory: '32226562Ki', processor: 'Xeon 6248' },
      ...{ disks: 'ssd', gpus: '2 T4', runtimes: 'docker', nics: 'bond0,br0,eno1,eno2' },
    });
    expect(status.gpus).toEqual([
      {
        ...{ number: 0, vendor: 'nvidia', model: 'T4', address: '01' },
        ...{ uuid: 'GPU-a', memory: '16Gi' },
      },
      { number: 2, vendor: 'nvidia', model: 'T4', address: '03', numaNode: 1 },
    ]);
    expect(status.disks).toEqual([
      {
        ...{ name: 'ssd', class: 'fast', path: '/srv', capacity: '1Ti', readBPS: '5' },
        model: 'SAMSUNG MZ',
      },
    ]);
  });
});
