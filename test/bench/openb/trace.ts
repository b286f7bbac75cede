/** The files of the openb trace: nodes, pods, and the orders in which they came. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export interface TraceNode {
  readonly name: string;
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  readonly model: string;
}

export interface TracePod {
  readonly name: string;
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  /** Of each device. */
  readonly gpuMilli: number;
  /** `A10|T4`, as it is written; empty: any. */
  readonly gpuSpec: string;
}

/** Of one seed. */
export interface Orders {
  /** Places in the list of pods sorted by name, in order of arrival. */
  readonly pods: readonly number[];
  /** The number in each node's name; of equals the earlier wins. */
  readonly nodes: readonly number[];
}

export async function readNodes(path: string): Promise<TraceNode[]> {
  const rows = await readTable(path);
  return rows.map((row) => ({
    name: row.text('sn'),
    cpuMilli: row.number('cpu_milli'),
    memoryMiB: row.number('memory_mib'),
    gpus: row.number('gpu'),
    model: row.text('model'),
  }));
}

/** Sorted by name. */
export async function readPods(path: string): Promise<TracePod[]> {
  const rows = await readTable(path);
  const pods = rows.map((row) => ({
    name: row.text('name'),
    cpuMilli: row.number('cpu_milli'),
    memoryMiB: row.number('memory_mib'),
    gpus: row.number('num_gpu'),
    gpuMilli: row.number('gpu_milli'),
    gpuSpec: row.optional('gpu_spec'),
  }));
  return pods.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function readOrders(path: string): Promise<ReadonlyMap<number, Orders>> {
  const bytes = await contentOf(path);
  const parsed = await parse(path, bytes);
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`${path}: not an object`);
  const orders = Object.entries(parsed).map(([seed, order]) => {
    if (!isOrders(order)) throw new Error(`${path}: seed ${seed} has no lists pods and nodes`);
    return [Number(seed), order] as const;
  });
  return new Map(orders);
}

/** What every gzip file begins with. */
const gzipHead = Buffer.from([0x1f, 0x8b]);

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

async function parse(path: string, bytes: Buffer): Promise<unknown> {
  try {
    const text = bytes.subarray(0, 2).equals(gzipHead) ? await promisify(gunzip)(bytes) : bytes;
    return JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function isOrders(value: unknown): value is Orders {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'pods' in value && Array.isArray(value.pods) && 'nodes' in value && Array.isArray(value.nodes)
  );
}

/** A CSV file with a head line and no quotes. */
async function readTable(path: string) {
  const [head = '', ...lines] = (await contentOf(path)).toString('utf8').trimEnd().split(/\r?\n/);
  const columns = new Map(head.split(',').map((name, i) => [name, i]));
  return lines.map((line, i) => {
    const cells = line.split(',');
    const optional = (name: string) => cells[columns.get(name) ?? -1] ?? '';
    const text = (name: string) => {
      const value = optional(name);
      if (value === '') throw new Error(`${path}:${i + 2}: no ${name}`);
      return value;
    };
    const number = (name: string) => {
      const value = Number(text(name));
      if (!Number.isFinite(value)) throw new Error(`${path}:${i + 2}: ${name} is no number`);
      return value;
    };
    return { optional, text, number };
  });
}
