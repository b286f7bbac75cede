/** Random nodes, requests and events of all dimensions, and a model that keeps them as plainly as possible. */
import { Engine } from '../../scheduler/engine/engine.ts';
import {
  type Allocation,
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
      cores: { ids: Array.from({ length: cores }, (_, i) => i), pieces: 100, numa: [] },
    },
  );
  return gpus.length === 0 ? record : { ...record, gpus };
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
    boundPieces: dice.pick([0, 0, 0, 30, 50, 100, 130]),
    nodeSelector: dice.chance(0.1) ? [['zone', 'x']] : [],
    maxPerNode: dice.chance(0.1) ? 2 : undefined,
  });
  const need = gpuNeed(dice);
  const gpu = need === undefined ? [] : [{ dimension: 'gpu', need }];
  return withClassKey({ ...rest, parts: [...gpu, ...parts] });
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
  const { gpu, cpuBound, hostPorts } = allocation as {
    gpu?: { devices: number[]; milli: number };
    cpuBound?: { cores: Record<string, number> };
    hostPorts?: { port: number }[];
  };
  for (const device of gpu?.devices ?? []) take(`gpu ${device}`, gpu?.milli ?? 0);
  for (const [core, pieces] of Object.entries(cpuBound?.cores ?? {})) take(`core ${core}`, pieces);
  for (const { port } of hostPorts ?? []) take(`port ${port}`, 1);
}

function limitOf({ capacity, gpus = [], cores }: NodeRecord, what: string): number {
  const [kind, number] = what.split(' ');
  if (kind === 'gpu') return gpus[Number(number)] === undefined ? 0 : 1000;
  if (kind === 'core') return cores?.ids.includes(Number(number)) ? cores.pieces : 0;
  if (kind === 'port') return 1;
  return capacity.find(({ resource }) => resource === what)?.amount ?? 0;
}
