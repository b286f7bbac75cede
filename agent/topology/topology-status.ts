/** What an agent tells of its machine, put together. Pure. */
import type {
  NodeTopologyStatus,
  NodeTopologySummary,
  TopologyDisk,
  TopologyGpu,
  TopologyRuntime,
} from '../../api/kinds.gen.ts';
import { formatQuantity } from '../../api/quantity.ts';
import type { NodeDisk } from '../../api/volume.ts';
import type { NumberedGpus } from '../devices/gpu-numbers.ts';
import type { DiskHardware } from './disk-hardware.ts';
import type { Hardware } from './hardware.ts';
import { known } from './kernel-files.ts';

export interface TopologyView {
  readonly hardware: Hardware;
  readonly memoryBytes: bigint;
  readonly disks: readonly DiskView[];
  readonly gpus: NumberedGpus;
  readonly runtimes: readonly TopologyRuntime[];
}

export interface DiskView {
  readonly disk: NodeDisk;
  readonly hardware: DiskHardware;
  readonly measured: Pick<TopologyDisk, 'measurement' | 'measured'>;
}

export function topologyStatus(view: TopologyView): NodeTopologyStatus {
  const { cores, numaNodes, nics, kernel, cgroupVersion } = view.hardware;
  return {
    summary: summaryOf(view),
    cores,
    numaNodes,
    disks: view.disks.map(diskOf),
    gpus: view.gpus.flatMap((gpu, number): TopologyGpu[] => {
      if (gpu === undefined) return [];
      const { vendor, model, address, uuid, memoryBytes, numaNode } = gpu;
      const memory = memoryBytes === undefined ? undefined : quantity(memoryBytes);
      return [{ number, vendor, model, address, ...known({ uuid, memory, numaNode }) }];
    }),
    nics,
    runtimes: view.runtimes,
    ...known({ kernel, cgroupVersion }),
  };
}

function summaryOf({ hardware, memoryBytes, ...view }: TopologyView): NodeTopologySummary {
  const models = hardware.cores.flatMap(({ model }) => model ?? []);
  return {
    cpus: hardware.cores.length,
    numaNodes: hardware.numaNodes.length,
    memory: quantity(memoryBytes),
    ...known({
      processor: joined([...new Set(models)]),
      disks: joined(view.disks.map(({ disk }) => disk.name)),
      gpus: joined(counted(view.gpus.flatMap((gpu) => gpu?.model ?? []))),
      runtimes: joined(
        view.runtimes.flatMap(({ name, message }) => (message === undefined ? name : [])),
      ),
      nics: joined(hardware.nics.map(({ name }) => name)),
    }),
  };
}

function diskOf({ disk, hardware, measured }: DiskView): TopologyDisk {
  const { name, class: diskClass, path, capacity, readBPS, writeBPS } = disk;
  const { readIOPS, writeIOPS, device } = disk;
  const text = (rate: number | string | undefined) => (rate === undefined ? rate : String(rate));
  return {
    ...{ name, class: diskClass, path, capacity },
    ...known({ readIOPS, writeIOPS, readBPS: text(readBPS), writeBPS: text(writeBPS), device }),
    ...hardware,
    ...measured,
  };
}

/** `2 T4`, in order of their first. */
function counted(models: readonly string[]): readonly string[] {
  return [...new Set(models)].map(
    (model) => `${models.filter((each) => each === model).length} ${model}`,
  );
}

function joined(words: readonly string[]): string | undefined {
  return words.length === 0 ? undefined : words.join(',');
}

function quantity(bytes: bigint): string {
  return formatQuantity({ value: (bytes / 1024n) * 1024n }, 'BinarySI');
}
