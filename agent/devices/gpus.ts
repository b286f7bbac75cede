/** The GPUs of this machine, as its drivers tell of them in files: no program of a vendor is needed. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { GpuDevice } from '../../runtime/runtime.ts';

/** One GPU; `gpu-numbers.ts` says which number it has. */
export interface Gpu extends GpuDevice {
  /** For the scheduler, and for people who ask for a model: `T4`. */
  readonly model: string;
  /** `0000:00:1e.0`. */
  readonly address: string;
  /** What its maker calls it, wherever it is plugged in; absent where the driver does not tell. */
  readonly uuid?: string;
  /** Of its own; absent where the driver does not tell in a file. */
  readonly memoryBytes?: bigint;
  /** The nearest; absent where the machine does not tell. */
  readonly numaNode?: number;
}

/** Where the driver of NVIDIA tells of each of its devices. */
const nvidiaPath = 'proc/driver/nvidia/gpus';
const pciPath = 'sys/bus/pci/devices';
const amd = '0x1002';
/** Class of display controllers; server boards have such a chip, too, but none of this vendor that computes. */
const displayClass = '0x03';

/** Beside its own file, each device of a vendor needs those that exist of these. */
const nvidiaControls = ['nvidiactl', 'nvidia-uvm', 'nvidia-uvm-tools', 'nvidia-modeset'];
const amdControls = ['kfd'];

/** `root` is the machine's own, or what stands for it. Empty where no driver is loaded. */
export async function readGpus(root = '/'): Promise<readonly Gpu[]> {
  const found = [...(await nvidiaGpus(root)), ...(await amdGpus(root))];
  return found.sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** For the scheduler: the model of each, by its number, with nothing between two commas for one that has gone. */
export function gpuAnnotations(gpus: readonly (Gpu | undefined)[]) {
  if (gpus.length === 0) return {};
  return { 'berth.dev/gpus': gpus.map((gpu) => gpu?.model ?? '').join(',') };
}

async function nvidiaGpus(root: string): Promise<Gpu[]> {
  const controls = await existing(root, nvidiaControls);
  const gpus: Gpu[] = [];
  for (const address of await entries(join(root, nvidiaPath))) {
    const text = await read(join(root, nvidiaPath, address, 'information'));
    const field = (name: string) => new RegExp(`^${name}:\\s*(.+?)\\s*$`, 'm').exec(text)?.[1];
    const [minor, uuid] = [field('Device Minor'), field('GPU UUID')];
    if (minor === undefined || uuid === undefined || field('GPU Excluded') === 'Yes') continue;
    const model = modelName(field('Model') ?? 'NVIDIA');
    const paths = [`/dev/nvidia${minor}`, ...controls];
    const place = await placeOf(root, address);
    gpus.push({ vendor: 'nvidia', id: uuid, uuid, model, address, paths, ...place });
  }
  return gpus;
}

/** Those that the kernel has a node for, which programs compute through. */
async function amdGpus(root: string): Promise<Gpu[]> {
  const controls = await existing(root, amdControls);
  const gpus: Gpu[] = [];
  for (const address of await entries(join(root, pciPath))) {
    const at = (name: string) => join(root, pciPath, address, name);
    if ((await read(at('vendor'))) !== amd) continue;
    if (!(await read(at('class'))).startsWith(displayClass)) continue;
    const nodes = (await entries(at('drm'))).filter((name) => /^(renderD|card)\d+$/.test(name));
    if (!nodes.some((name) => name.startsWith('renderD'))) continue;
    const product = await read(at('product_name'));
    const model = modelName(product === '' ? `AMD ${await read(at('device'))}` : product);
    const paths = [...nodes.sort().map((name) => `/dev/dri/${name}`), ...controls];
    const uuid = await read(at('unique_id'));
    const memory = await read(at('mem_info_vram_total'));
    gpus.push({
      ...{ vendor: 'amd', id: uuid === '' ? address : uuid, model, address, paths },
      ...(uuid === '' ? {} : { uuid }),
      ...(/^\d+$/.test(memory) ? { memoryBytes: BigInt(memory) } : {}),
      ...(await placeOf(root, address)),
    });
  }
  return gpus;
}

/** Machines with one memory say -1. */
async function placeOf(root: string, address: string): Promise<Pick<Gpu, 'numaNode'>> {
  const text = await read(join(root, pciPath, address.toLowerCase(), 'numa_node'));
  return /^\d+$/.test(text) ? { numaNode: Number(text) } : {};
}

/** Without the maker, and without what separates models in a list. */
function modelName(name: string): string {
  const plain = name.replace(/^(NVIDIA|Tesla|AMD)\s+/g, '').replace(/^Tesla\s+/, '');
  return plain.replaceAll(',', ' ').trim();
}

async function existing(root: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const isThere = await stat(join(root, 'dev', name)).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(`/dev/${name}`);
  }
  return found;
}

async function entries(path: string): Promise<string[]> {
  return (await readdir(path).catch(() => [])).sort(); // No driver, no folder.
}

async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
