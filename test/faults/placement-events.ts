/** Random nodes, requests and events of all dimensions, and a model that keeps them as plainly as possible. */

import type { VolumeNeed } from '../../scheduler/dimensions/storage/need.ts';
import { Engine } from '../../scheduler/engine/engine.ts';
import {
  type Allocation,
  type DiskRecord,
  type NodeCores,
  type NodeRecord,
  type PlacementRequest,
  withClassKey,
} from '../../scheduler/engine/request.ts';
import { Snapshot } from '../../scheduler/engine/snapshot.ts';
import { node, request } from '../../scheduler/engine/testing.ts';
import type { Dice } from './runs.ts';

const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
const uids = Array.from({ length: 60 }, (_, i) => `u${i}`);
const strategies = ['Spread', 'Pack', 'Global', 'Drained'] as const;

export function anyNode(dice: Dice, name = dice.pick(names)): NodeRecord {
  const cores = 1 + dice.below(6);
  const gpus = Array.from({ length: dice.below(4) }, () => dice.pick(['T4', 'A10']));
  const record = node(
    name,
    { cpu: dice.below(8000), memory: dice.below(8192), 'example.com/fpga': dice.below(3) },
    {
      traits: { unschedulable: dice.chance(0.1) },
      labels: { zone: dice.pick(['x', 'y']) },
      cores: coresOf(dice, cores),
    },
  );
  const disks = Array.from({ length: dice.below(4) }, (_, i) => anyDisk(dice, `d${i}`));
  return {
    ...record,
    ...(gpus.length === 0 ? {} : { gpus }),
    ...(disks.length === 0 ? {} : { disks }),
  };
}

/** In two memories where there are enough of them. */
function coresOf(dice: Dice, count: number): NodeCores {
  const ids = Array.from({ length: count }, (_, i) => i);
  const half = Math.floor(count / 2);
  const memory = 4096;
  const numa = [
    { id: 0, cores: ids.slice(0, half), memory },
    { id: 1, cores: ids.slice(half), memory },
  ];
  return { ids, pieces: 100, numa: half > 0 && dice.chance(0.5) ? numa : [] };
}

const anyRate = Number.POSITIVE_INFINITY;

function anyDisk(dice: Dice, name: string): DiskRecord {
  const writeIops = dice.chance(0.5) ? anyRate : dice.below(500);
  const rates = { readIops: anyRate, writeIops, readBps: anyRate, writeBps: anyRate };
  const left = dice.chance(0.2) ? [{ uid: `left-${name}`, size: 1 + dice.below(20) }] : [];
  return {
    name,
    class: dice.pick(['ssd', 'hdd']),
    size: 20 + dice.below(100),
    ...rates,
    retained: left,
  };
}

/** One Volume, or two that are placed together. */
function volumeNeeds(dice: Dice): readonly VolumeNeed[] {
  if (dice.chance(0.7)) return [];
  return Array.from({ length: 1 + dice.below(2) }, (_, i) => ({
    name: `v${i}`,
    class: dice.pick(['ssd', 'hdd']),
    size: 1 + dice.below(60),
    exclusive: dice.chance(0.2),
    readIops: 0,
    writeIops: dice.chance(0.5) ? dice.below(200) : 0,
    readBps: 0,
    writeBps: 0,
  }));
}

export function anyRequest(dice: Dice, uid = dice.pick(uids)): PlacementRequest {
  const asked = {
    cpu: dice.below(2000),
    memory: dice.below(2048),
    'example.com/fpga': dice.chance(0.2) ? 1 : 0,
  };
  const {
    parts,
    classKey: _,
    ...rest
  } = request(uid, asked, {
    owner: dice.chance(0.2) ? undefined : dice.pick(['a', 'b', 'c']),
    strategy: dice.pick(strategies),
    hostPorts: dice.chance(0.2) ? [80 + dice.below(3)] : [],
    nodeSelector: dice.chance(0.1) ? [['zone', 'x']] : [],
    maxPerNode: dice.chance(0.1) ? 2 : undefined,
  });
  const need = gpuNeed(dice);
  const gpu = need === undefined ? [] : [{ dimension: 'gpu', need }];
  const pieces = dice.pick([0, 0, 0, 30, 50, 100, 130]);
  const memory = asked.memory;
  const cores = pieces === 0 ? [] : [{ dimension: 'cpuBound', need: { pieces, memory } }];
  const needs = volumeNeeds(dice);
  const disks = needs.length === 0 ? [] : [{ dimension: 'disks', need: needs }];
  return withClassKey({ ...rest, parts: [...gpu, ...cores, ...disks, ...parts] });
}

function gpuNeed(dice: Dice) {
  if (dice.chance(0.6)) return undefined;
  const models = dice.chance(0.3) ? [dice.pick(['T4', 'A10'])] : [];
  if (dice.chance(0.5)) return { devices: 1, milli: 1 + dice.below(999), models };
  return { devices: 1 + dice.below(3), milli: 1000, models };
}

export interface Held {
  readonly request: PlacementRequest;
  readonly node: string;
  readonly allocation: Allocation;
}

/** An engine that lives through events, and what it ought to hold. */
export class PlacementWorld {
  readonly engine = new Engine(new Snapshot());
  readonly nodes = new Map<string, NodeRecord>();
  readonly held = new Map<string, Held>();
  /** Nodes that shrank under what they carry. */
  readonly #shrunk = new Set<string>();

  step(dice: Dice): void {
    dice.weighted<() => void>([
      [2, () => this.#upsert(anyNode(dice))],
      [1, () => this.#remove(dice.pick(names))],
      [8, () => this.#schedule(anyRequest(dice))],
      [5, () => this.release(dice.pick(uids))],
    ])();
  }

  /** The same, built in another order. */
  rebuilt(dice: Dice): Snapshot {
    const snapshot = new Snapshot();
    const events = [
      ...[...this.nodes.values()].map((record) => () => void snapshot.upsertNode(record)),
      ...[...this.held.values()].map(
        ({ request: asked, node: name, allocation }) =>
          () =>
            snapshot.assume(asked, name, allocation),
      ),
    ];
    const shuffled = events.map((event) => ({ event, at: dice.random.fraction() }));
    for (const { event } of shuffled.sort((a, b) => a.at - b.at)) event();
    return snapshot;
  }

  release(uid: string): void {
    this.engine.snapshot.release(uid);
    this.held.delete(uid);
  }

  /** What is taken of a node, by resource, device, core and port; only where nothing was forced. */
  *overdrafts(): Generator<string> {
    for (const [name, record] of this.nodes) {
      if (this.#shrunk.has(name)) continue;
      const taken = new Map<string, number>();
      const take = (what: string, amount: number) =>
        taken.set(what, (taken.get(what) ?? 0) + amount);
      for (const held of this.held.values()) if (held.node === name) takeAll(held, take);
      for (const [what, amount] of taken) {
        const most = limitOf(record, what);
        if (amount > most) yield `${name}: ${amount} of ${what}, and there are ${most}`;
      }
    }
  }

  #upsert(record: NodeRecord): void {
    const { snapshot } = this.engine;
    snapshot.upsertNode(record);
    this.nodes.set(record.name, record);
    if ([...this.held.values()].some(({ node: name }) => name === record.name)) {
      this.#shrunk.add(record.name);
    } else this.#shrunk.delete(record.name);
  }

  #remove(name: string): void {
    this.engine.snapshot.removeNode(name);
    this.nodes.delete(name);
  }

  #schedule(asked: PlacementRequest): void {
    if (this.held.has(asked.uid)) return;
    const [decision] = this.engine.scheduleBatch([asked]);
    if (decision?.type !== 'placed') return;
    const { node: name, allocation } = decision;
    this.held.set(asked.uid, { request: asked, node: name, allocation });
  }
}

type Take = (what: string, amount: number) => void;

function takeAll({ request: asked, allocation }: Held, take: Take): void {
  for (const { resource, amount } of asked.amounts) take(resource, amount);
  // Pieces as the dimensions make them.
  const { gpu, cpuBound, hostPorts, disks } = allocation as {
    gpu?: { devices: number[]; milli: number };
    cpuBound?: { cores: Record<string, number>; numaNode?: number; memory?: number };
    hostPorts?: { port: number }[];
    disks?: { disk: string; size: number; writeIops: number; exclusive: boolean }[];
  };
  for (const device of gpu?.devices ?? []) take(`gpu ${device}`, gpu?.milli ?? 0);
  for (const [core, pieces] of Object.entries(cpuBound?.cores ?? {})) take(`core ${core}`, pieces);
  for (const { port } of hostPorts ?? []) take(`port ${port}`, 1);
  if (cpuBound?.numaNode !== undefined) take(`numa ${cpuBound.numaNode}`, cpuBound.memory ?? 0);
  for (const { disk, size, writeIops, exclusive } of disks ?? []) {
    take(`disk ${disk}`, size);
    take(`iops ${disk}`, writeIops);
    take(`users ${disk}`, exclusive ? alone : 1);
  }
}

/** Who has a disk alone counts as so many. */
const alone = 1000;

function limitOf({ capacity, gpus = [], cores, disks = [] }: NodeRecord, what: string): number {
  const [kind, number] = what.split(' ');
  const disk = disks.find(({ name }) => name === number);
  const left = disk?.retained.reduce((sum, { size }) => sum + size, 0) ?? 0;
  if (kind === 'disk') return (disk?.size ?? 0) - left;
  if (kind === 'iops') return disk?.writeIops ?? 0;
  if (kind === 'users') return disk === undefined ? 0 : left > 0 ? alone - 1 : alone;
  if (kind === 'numa') return cores?.numa.find(({ id }) => id === Number(number))?.memory ?? 0;
  if (kind === 'gpu') return gpus[Number(number)] === undefined ? 0 : 1000;
  if (kind === 'core') return cores?.ids.includes(Number(number)) ? cores.pieces : 0;
  if (kind === 'port') return 1;
  return capacity.find(({ resource }) => resource === what)?.amount ?? 0;
}
