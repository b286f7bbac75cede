/** Builders for the tests of the engine. */
import { dimensionsOf } from '../dimensions/built-in.ts';
import type { HostPort } from '../dimensions/dimension.ts';
import { strategyOf } from '../strategies/built-in.ts';
import { costFunction, domainRulesOf, withRules } from './evaluate.ts';
import {
  type Amount,
  type NodeRecord,
  type NodeTraits,
  type PlacementRequest,
  withClassKey,
} from './request.ts';
import type { Snapshot } from './snapshot.ts';

export const dimensions = dimensionsOf();

export type Amounts = Readonly<Record<string, number>>;

const easyTraits: NodeTraits = {
  ready: 'True',
  unschedulable: false,
  taints: [],
  runtimes: ['docker'],
};

/** A ready node; cpu in milli, 110 pods unless told otherwise. */
export function node(
  name: string,
  capacity: Amounts = { cpu: 4000, memory: 8192 },
  more: {
    readonly traits?: Partial<NodeTraits>;
    readonly labels?: NodeRecord['labels'];
    readonly cores?: NodeRecord['cores'];
    readonly gpus?: NodeRecord['gpus'];
  } = {},
): NodeRecord {
  return {
    name,
    labels: more.labels ?? {},
    traits: { ...easyTraits, ...more.traits },
    capacity: amounts({ pods: 110, ...capacity }),
    ...(more.cores === undefined ? {} : { cores: more.cores }),
    ...(more.gpus === undefined ? {} : { gpus: more.gpus }),
  };
}

/** A request that takes one pod and what is given. */
export function request(
  uid: string,
  asked: Amounts = { cpu: 1000, memory: 1024 },
  more: Partial<Omit<PlacementRequest, 'uid' | 'amounts' | 'parts'>> & {
    readonly hostPorts?: readonly number[];
    /** Hundredths of cores of its own. */
    readonly boundPieces?: number;
    /** Thousandths of one GPU, or of several whole ones. */
    readonly gpuMilli?: number;
  } = {},
): PlacementRequest {
  const { hostPorts: numbers = [], boundPieces: pieces = 0, gpuMilli = 0, ...rest } = more;
  const gpus = { devices: Math.ceil(gpuMilli / 1000), milli: Math.min(1000, gpuMilli), models: [] };
  const ports = numbers.map((port): HostPort => ({ protocol: 'TCP', hostIP: '0.0.0.0', port }));
  return withClassKey({
    uid,
    owner: undefined,
    amounts: amounts({ pods: 1, ...asked }),
    parts: [
      ...(ports.length === 0 ? [] : [{ dimension: 'hostPorts', need: ports }]),
      ...(pieces === 0 ? [] : [{ dimension: 'cpuBound', need: { pieces, memory: 0 } }]),
      ...(gpuMilli === 0 ? [] : [{ dimension: 'gpu', need: gpus }]),
    ],
    nodeSelector: [],
    tolerations: [],
    runtime: 'docker',
    strategy: 'Spread',
    maxPerNode: undefined,
    ...rest,
  });
}

function amounts(given: Amounts): readonly Amount[] {
  return Object.entries(given)
    .filter(([, amount]) => amount > 0)
    .map(([resource, amount]) => ({ resource, amount }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** The engine's decision, by looking at every node. */
export function naive(snapshot: Snapshot, asked: PlacementRequest): string | undefined {
  const strategy = strategyOf(asked.strategy);
  if (strategy === undefined) return undefined;
  const rules = domainRulesOf(snapshot.peers, asked);
  const costOf = withRules(costFunction(snapshot, asked, strategy), rules);
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const index of snapshot.order.indices()) {
    const cost = costOf(index);
    if (cost >= least) continue;
    least = cost;
    best = index;
  }
  return best === undefined ? undefined : snapshot.recordAt(best)?.name;
}

/** All that can be seen of a snapshot, whatever way it was reached. */
export function seen(snapshot: Snapshot): unknown {
  const nodes = snapshot.order.indices().map((index) => {
    const record = snapshot.recordAt(index);
    const columns = [...snapshot.columns.all()]
      .map((each) => [each.resource, each.capacityAt(index), each.usedAt(index)] as const)
      .filter(([, capacity, used]) => capacity !== 0 || used !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const taken = [80, 81, 82].filter((port) => {
      const need = [{ protocol: 'TCP', hostIP: '0.0.0.0', port }];
      return snapshot.devicesAt('hostPorts', index)?.fits(need) === false;
    });
    const bound = [1, 50, 100, 150].map((pieces) => {
      const devices = snapshot.devicesAt('cpuBound', index);
      const need = { pieces, memory: 0 };
      return [devices?.count(need), devices?.fits(need) === true && devices.allocate(need)];
    });
    const gpus = snapshot.devicesAt('gpu', index)?.usage?.();
    const owners = ['a', 'b', 'c'].map((owner) => snapshot.ownerCounts(owner)?.get(index) ?? 0);
    const shares = [1, 300, 700, 1000].map((milli) => {
      const need = { devices: 1, milli, models: [] };
      return snapshot.devicesAt('gpu', index)?.count(need);
    });
    return { ...record, columns, taken, bound, owners, gpus, shares };
  });
  const placed = [...snapshot.placed()].sort().map((uid) => [uid, snapshot.nodeOf(uid)]);
  return { nodes, placed };
}
