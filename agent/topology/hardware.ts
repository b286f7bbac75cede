/** Processors, memories and network interfaces of this machine, as its kernel shows them. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TopologyCore, TopologyNic, TopologyNumaNode } from '../../api/kinds.gen.ts';
import { formatQuantity } from '../../api/quantity.ts';
import { parseCpuList } from '../../lib/cpu-list.ts';
import { known, namesAt, numberAt, textAt } from './kernel-files.ts';

export interface Hardware {
  readonly cores: readonly TopologyCore[];
  readonly numaNodes: readonly TopologyNumaNode[];
  readonly nics: readonly TopologyNic[];
  readonly kernel: string | undefined;
  readonly cgroupVersion: 1 | 2 | undefined;
}

/** `root` is the machine's own, or what stands for it. */
export async function readHardware(root = '/'): Promise<Hardware> {
  const [cores, numaNodes, nics, kernel, cgroupVersion] = await Promise.all([
    readCores(root),
    readNumaNodes(root),
    readNics(root),
    textAt(join(root, 'proc/sys/kernel/osrelease')),
    readCgroupVersion(root),
  ]);
  return { cores, numaNodes, nics, kernel, cgroupVersion };
}

async function readCores(root: string): Promise<readonly TopologyCore[]> {
  const path = join(root, 'sys/devices/system/cpu');
  const online = parseCpuList((await textAt(join(path, 'online'))) ?? '') ?? [];
  const models = modelsIn((await textAt(join(root, 'proc/cpuinfo'))) ?? '');
  return await Promise.all(
    online.map(async (id): Promise<TopologyCore> => {
      const at = join(path, `cpu${id}`);
      const topology = join(at, 'topology');
      const threads = await textAt(join(topology, 'thread_siblings_list'));
      const node = (await namesAt(at)).find((name) => /^node\d+$/.test(name));
      return {
        id,
        ...known({
          socket: await numberAt(join(topology, 'physical_package_id')),
          numaNode: node === undefined ? undefined : Number(node.slice(4)),
          siblings: threads === String(id) ? undefined : threads,
          model: models.get(id),
        }),
      };
    }),
  );
}

/** By the number of the processor. Machines that are not PCs do not tell. */
function modelsIn(cpuinfo: string): ReadonlyMap<number, string> {
  const models = new Map<number, string>();
  for (const block of cpuinfo.split('\n\n')) {
    const id = /^processor\s*:\s*(\d+)/m.exec(block)?.[1];
    const model = /^model name\s*:\s*(.+?)\s*$/m.exec(block)?.[1];
    if (id !== undefined && model !== undefined) models.set(Number(id), model);
  }
  return models;
}

async function readNumaNodes(root: string): Promise<readonly TopologyNumaNode[]> {
  const path = join(root, 'sys/devices/system/node');
  const ids = (await namesAt(path)).flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? []);
  const nodes = ids.map(Number).map(async (id): Promise<TopologyNumaNode> => {
    const at = join(path, `node${id}`);
    const kibi = /MemTotal:\s+(\d+) kB/.exec((await textAt(join(at, 'meminfo'))) ?? '')?.[1];
    const hugepages = await readHugepages(join(at, 'hugepages'));
    const distances = ((await textAt(join(at, 'distance'))) ?? '').split(/\s+/).map(Number);
    return {
      id,
      ...known({
        cores: await textAt(join(at, 'cpulist')),
        memory: kibi === undefined ? undefined : kibibytes(BigInt(kibi)),
        hugepages: hugepages.length === 0 ? undefined : hugepages,
        distances: distances.some((each) => !(each > 0)) ? undefined : distances,
      }),
    };
  });
  return (await Promise.all(nodes)).sort((a, b) => a.id - b.id);
}

/** Of the sizes of which some are set aside. */
async function readHugepages(path: string) {
  const pages = (await namesAt(path)).map(async (name) => {
    const kibi = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    const total = await numberAt(join(path, name, 'nr_hugepages'));
    if (kibi === undefined || total === undefined || total === 0) return [];
    return [{ size: kibibytes(BigInt(kibi)), total }];
  });
  return (await Promise.all(pages)).flat();
}

export function kibibytes(amount: bigint): string {
  return formatQuantity({ value: amount * 1024n }, 'BinarySI');
}

/** Of hardware, bonds of it, and the one of the default route, whatever that is made of. */
async function readNics(root: string): Promise<readonly TopologyNic[]> {
  const path = join(root, 'sys/class/net');
  const routes = (await textAt(join(root, 'proc/net/route'))) ?? '';
  const towardsAll = /^(\S+)\t00000000\t/m.exec(routes)?.[1];
  const nics = (await namesAt(path)).map(async (name): Promise<readonly TopologyNic[]> => {
    const at = join(path, name);
    const isReal = (await isThere(join(at, 'device'))) || (await isThere(join(at, 'bonding')));
    if (!isReal && name !== towardsAll) return [];
    const nic = known({
      mac: await textAt(join(at, 'address')),
      speed: await numberAt(join(at, 'speed')),
      numaNode: await numberAt(join(at, 'device/numa_node')),
    });
    return [{ name, ...nic }];
  });
  return (await Promise.all(nics)).flat();
}

/** As runtimes see it: version 1 also where version 2 is there beside it. */
async function readCgroupVersion(root: string): Promise<1 | 2 | undefined> {
  const path = join(root, 'sys/fs/cgroup');
  if (await isThere(join(path, 'cgroup.controllers'))) return 2;
  return (await isThere(path)) ? 1 : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
