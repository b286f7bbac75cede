/**
 * The numbers of this machine's GPUs, which pods are given them by. They are kept in a file: one card more, or one less,
 * changes nobody else's number.
 */
import { isDeepStrictEqual } from 'node:util';
import { asArray, asObject, asString } from '../../api/json.ts';
import { readJsonFile, writeJsonFile } from '../files/json-file.ts';
import type { Gpu } from './gpus.ts';

/** By its number; a number whose card is not there has none. */
export type NumberedGpus = readonly (Gpu | undefined)[];

/** Which card had a number when it was last seen. */
export interface RememberedGpu {
  readonly id: string;
  readonly address: string;
}

/** Numbers that are kept for cards, there or not. */
const numbersMax = 256;

/**
 * A card that is known keeps its number, wherever it is plugged in now; one that is new where a known one has gone takes
 * its place; others are counted on, in order of their addresses. Pure.
 */
export function numberGpus(
  found: readonly Gpu[],
  remembered: readonly RememberedGpu[],
): { readonly gpus: NumberedGpus; readonly remembered: readonly RememberedGpu[] } {
  const numbers = new Map<Gpu, number>();
  const taken = new Set<number>();
  const give = (gpu: Gpu, number: number) => {
    if (number < 0 || taken.has(number) || numbers.has(gpu)) return;
    numbers.set(gpu, number);
    taken.add(number);
  };
  const place = (is: (known: RememberedGpu, number: number) => boolean) => remembered.findIndex(is);
  for (const gpu of found)
    give(
      gpu,
      place(({ id }) => id === gpu.id),
    );
  for (const gpu of found) {
    give(
      gpu,
      place(({ address }, number) => address === gpu.address && !taken.has(number)),
    );
  }
  let next = remembered.length;
  for (const gpu of found) if (!numbers.has(gpu) && next < numbersMax) give(gpu, next++);
  const byNumber = new Map([...numbers].map(([gpu, number]) => [number, gpu]));
  const all = Array.from({ length: next }, (_, number) => byNumber.get(number));
  return {
    gpus: all.slice(0, all.findLastIndex((gpu) => gpu !== undefined) + 1),
    remembered: all.flatMap((gpu, number) => {
      const before = remembered[number];
      return gpu === undefined ? (before ?? []) : { id: gpu.id, address: gpu.address };
    }),
  };
}

/**
 * Gives this machine's GPUs their numbers, and remembers them at `path`. Throws when that file is damaged: numbers
 * must not change in silence.
 */
export async function keepGpuNumbers(found: readonly Gpu[], path: string): Promise<NumberedGpus> {
  const before = await load(path);
  const { gpus, remembered } = numberGpus(found, before);
  if (!isDeepStrictEqual(remembered, before)) await writeJsonFile(path, remembered);
  return gpus;
}

async function load(path: string): Promise<readonly RememberedGpu[]> {
  const list = asArray(await readJsonFile(path)).map((each) => {
    const { id, address } = asObject(each) ?? {};
    return { id: asString(id), address: asString(address) };
  });
  if (list.every(({ id }) => id !== '')) return list;
  throw new Error(`${path} is damaged: remove it once no pod of this node has a GPU`);
}
