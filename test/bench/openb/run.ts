/** One run of the trace through Berth's engine: pods arrive, none departs, and what is refused is not tried again. */
import { dimensionsOf } from '../../../scheduler/dimensions/built-in.ts';
import type { GpuNeed } from '../../../scheduler/dimensions/gpu/need.ts';
import { Engine } from '../../../scheduler/engine/engine.ts';
import {
  type Amount,
  type NodeRecord,
  type PlacementRequest,
  withClassKey,
} from '../../../scheduler/engine/request.ts';
import { Snapshot } from '../../../scheduler/engine/snapshot.ts';
import { hundredths, meanOf, roundHalfEven } from './mean.ts';
import type { Policy } from './policy.ts';
import type { Orders, TraceNode, TracePod } from './trace.ts';

export interface RunResult {
  /** Allocated GPUs in % of all, by arrived demand in % of all: 0 to 130. */
  readonly columns: readonly (number | null)[];
  readonly placed: number;
  /** GPUs that nobody has at the end. */
  readonly unallocatedGpus: number;
}

export function run(
  nodes: readonly TraceNode[],
  pods: readonly TracePod[],
  orders: Orders,
  policy: Policy,
): RunResult {
  const snapshot = new Snapshot(dimensionsOf());
  for (const record of recordsOf(nodes, orders)) snapshot.upsertNode(record);
  const engine = new Engine(snapshot, () => policy.strategy);
  const requests = pods.map(requestOf);
  const gpuCount = nodes.reduce((sum, node) => sum + node.gpus, 0);
  const meter = new Meter(gpuCount);
  let placed = 0;
  for (const [arrival, at] of orders.pods.entries()) {
    const pod = pods[at];
    const request = requests[at];
    if (pod === undefined || request === undefined) throw new Error(`there is no pod ${at}`);
    const decision = engine.place(request);
    if (decision !== undefined) {
      snapshot.assume({ ...request, uid: `${arrival}` }, decision.node, decision.allocation);
      policy.placed?.(snapshot.indexOf(decision.node) ?? -1, request);
      placed += 1;
    }
    meter.arrived(pod.gpus * pod.gpuMilli, decision !== undefined);
  }
  return { columns: meter.columns(), placed, unallocatedGpus: gpuCount - meter.usedMilli / 1000 };
}

/** The engine breaks ties by name, so the name begins with the place in the order. */
function recordsOf(nodes: readonly TraceNode[], orders: Orders): NodeRecord[] {
  const byNumber = new Map(nodes.map((node) => [Number(/\d+$/.exec(node.name)?.[0]), node]));
  return orders.nodes.map((number, place) => {
    const node = byNumber.get(number);
    if (node === undefined) throw new Error(`there is no node ${number}`);
    return {
      name: `${String(place).padStart(6, '0')}-${node.name}`,
      labels: {},
      traits: { ready: 'True', unschedulable: false, taints: [], runtimes: ['docker'] },
      capacity: amounts({ cpu: node.cpuMilli, memory: node.memoryMiB }),
      gpus: Array.from({ length: node.gpus }, () => node.model),
    };
  });
}

function requestOf(pod: TracePod): PlacementRequest {
  const need: GpuNeed | undefined =
    pod.gpus === 0
      ? undefined
      : {
          devices: pod.gpus,
          milli: pod.gpuMilli,
          models: pod.gpuSpec === '' ? [] : pod.gpuSpec.split('|'),
        };
  return withClassKey({
    uid: pod.name,
    owner: undefined,
    amounts: amounts({ cpu: pod.cpuMilli, memory: pod.memoryMiB }),
    parts: need === undefined ? [] : [{ dimension: 'gpu', need }],
    nodeSelector: [],
    tolerations: [],
    runtime: 'docker',
    strategy: 'Pack',
    maxPerNode: undefined,
  });
}

function amounts(given: Readonly<Record<string, number>>): readonly Amount[] {
  return Object.entries(given)
    .filter(([, amount]) => amount > 0)
    .map(([resource, amount]) => ({ resource, amount }));
}

/** The published measure: after each arrival one value, and the mean of the values of a percent. */
class Meter {
  readonly #gpus: number;
  /** By percent of arrived demand. */
  readonly #values: number[][] = [];
  #arrivedMilli = 0;
  usedMilli = 0;

  constructor(gpus: number) {
    this.#gpus = gpus;
  }

  arrived(milli: number, placed: boolean): void {
    this.#arrivedMilli += milli;
    if (placed) this.usedMilli += milli;
    const bin = roundHalfEven(this.#arrivedMilli / this.#gpus / 10);
    const values = this.#values[bin] ?? [];
    this.#values[bin] = values;
    values.push(hundredths(this.usedMilli / this.#gpus / 10));
  }

  columns(): (number | null)[] {
    return Array.from({ length: 131 }, (_, bin) => {
      const values = this.#values[bin];
      return values === undefined ? null : meanOf(values);
    });
  }
}
