/** What Pack knows of the GPUs of a node as it is now, the same for all requests until the node changes. */
import { GpuDevices } from '../../dimensions/gpu/devices.ts';
import type { Snapshot } from '../../engine/snapshot.ts';
import type { NodeState, NodeStates } from '../strategy.ts';
import type { DemandKind } from './demand.ts';
import { potentialOf } from './potential.ts';

/** What nodes with the same models have in common. */
interface Models {
  /** Tells of each expected kind and device, kind by kind, whether the model will do. */
  readonly accepts: Uint8Array;
  /** Whether all are of one model. */
  readonly isUniform: boolean;
  readonly letters: string;
}

/** What is known of one node's GPUs. */
export interface Rest {
  readonly models: Models;
  cpuFree: number;
  changes: number;
  /** NaN until somebody asks. */
  potential: number;
  /** Equal for nodes that have the same models, and as much free of each device; in any order, where all are of one model. */
  state: string;
}

/** A copy of a node's devices, and what is known of them. */
export interface GpuState extends NodeState {
  readonly gpus: GpuDevices | undefined;
  readonly rest: Rest | undefined;
}

/** Lists of models that are known; beyond them all are forgotten. */
const modelsMax = 4096;

/** Kinds of requests of which losses are kept, and how many of each, by the state of the node. */
const needsMax = 512;
const lossesMax = 1 << 14;

export class Outlook {
  readonly readsCpu: boolean;
  /** Of the node as it would be. */
  readonly potential: ReturnType<typeof potentialOf>;
  readonly #demand: readonly DemandKind[];
  readonly #rests = new WeakMap<GpuDevices, Rest>();
  readonly #models = new Map<string, Models>();
  #nextModels = 0;
  readonly #losses = new Map<string, Map<string, number>>();

  constructor(demand: readonly DemandKind[]) {
    this.#demand = demand;
    this.readsCpu = demand.some(({ cpu }) => cpu > 0);
    this.potential = potentialOf(demand);
  }

  /** As the node is now. */
  rest(cpuFree: number, gpus: GpuDevices): Rest {
    let rest = this.#rests.get(gpus);
    if (rest === undefined) {
      const models = this.#modelsOf(gpus);
      rest = { models, cpuFree: Number.NaN, changes: -1, potential: Number.NaN, state: '' };
      this.#rests.set(gpus, rest);
    }
    if (rest.cpuFree === cpuFree && rest.changes === gpus.changes) return rest;
    rest.cpuFree = cpuFree;
    rest.changes = gpus.changes;
    rest.potential = Number.NaN;
    rest.state = stateOf(gpus, rest.models);
    return rest;
  }

  /** The potential of what `rest` tells. */
  potentialNow(gpus: GpuDevices, rest: Rest): number {
    if (Number.isNaN(rest.potential)) {
      rest.potential = this.potential(rest.cpuFree, gpus.free, rest.models.accepts);
    }
    return rest.potential;
  }

  /** What is lost with one request of a kind, by the state of the node. */
  lossOf(need: string, state: string, find: () => number): number {
    let ofNeed = this.#losses.get(need);
    if (ofNeed === undefined) {
      if (this.#losses.size >= needsMax) this.#losses.clear();
      ofNeed = new Map();
      this.#losses.set(need, ofNeed);
    }
    let loss = ofNeed.get(state);
    if (loss === undefined) {
      if (ofNeed.size >= lossesMax) ofNeed.clear();
      loss = find();
      ofNeed.set(state, loss);
    }
    return loss;
  }

  /** Where nothing but GPUs counts. */
  statesOf(snapshot: Snapshot): NodeStates {
    const restOf = (gpus: GpuDevices) => this.rest(Number.POSITIVE_INFINITY, gpus);
    return {
      keyAt: (index) => {
        const gpus = snapshot.devicesAt('gpu', index);
        return gpus instanceof GpuDevices ? restOf(gpus).state : '';
      },
      at: (index): GpuState => {
        const gpus = snapshot.devicesAt('gpu', index);
        if (!(gpus instanceof GpuDevices)) return { key: '', gpus: undefined, rest: undefined };
        const rest = { ...restOf(gpus) };
        return { key: rest.state, gpus: gpus.copy(), rest };
      },
    };
  }

  #modelsOf(gpus: GpuDevices): Models {
    const { models } = gpus;
    const key = JSON.stringify(models);
    const known = this.#models.get(key);
    if (known !== undefined) return known;
    const accepts = this.#demand.flatMap((kind) =>
      models.map((_, device) => Number(gpus.accepts(kind, device))),
    );
    const isUniform = models.every((model) => model === models[0]);
    const number = this.#nextModels;
    this.#nextModels += 1;
    const letters = String.fromCharCode(number & 0xffff, number >>> 16);
    const made = { accepts: Uint8Array.from(accepts), isUniform, letters };
    if (this.#models.size >= modelsMax) this.#models.clear();
    this.#models.set(key, made);
    return made;
  }
}

/** Numbers as letters, two each: a state is put into words with every change. */
function stateOf({ free }: GpuDevices, { isUniform, letters }: Models): string {
  const sorted = isUniform ? free.slice().sort() : free;
  const halves = new Uint16Array(sorted.buffer, sorted.byteOffset, 2 * sorted.length);
  return letters + String.fromCharCode(...halves);
}
