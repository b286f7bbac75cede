/** Nodes and requests for the benchmark of the engine: four shapes of nodes, any number of dimensions. */
import { seededRandom } from '../../../lib/random.ts';
import {
  type Amount,
  type PlacementRequest,
  type StrategyName,
  withClassKey,
} from '../../../scheduler/engine/request.ts';
import type { Snapshot } from '../../../scheduler/engine/snapshot.ts';

/**
 * `classes`: 200 shapes, each with its owner; `replicas`: runs of 1,000 equal ones; `distinct`: no two alike; `groups`:
 * one pod of each of 500 applications in turn, no two of one on the same node; `gpus`: as `classes`, on nodes with up
 * to eight GPUs, of which most ask for a share, one or several.
 */
export const mixes = ['classes', 'distinct', 'replicas', 'groups', 'gpus'] as const;

export interface MixOptions {
  readonly nodes: number;
  readonly dimensions: number;
  readonly placements: number;
  readonly strategy: StrategyName;
  readonly mix: (typeof mixes)[number];
  readonly seed: number;
}

type Draw = (most: number) => number;

const hostKey = 'kubernetes.io/hostname';
const applications = 500;

interface Dimension {
  readonly resource: string;
  /** What a node with so many cores has. */
  capacity(cores: number, shape: number): number;
  /** What an instance of a size from 1 to 8 asks for; 0: nothing. */
  asked(size: number, pick: Draw): number;
}

const Gi = 1024 ** 3;

const known: readonly Dimension[] = [
  { resource: 'pods', capacity: () => 110, asked: () => 1 },
  { resource: 'cpu', capacity: (cores) => cores * 1000, asked: (size) => 250 * size },
  {
    resource: 'memory',
    capacity: (cores) => cores * 4 * Gi,
    asked: (size, pick) => (1 + pick(4)) * size * (Gi / 2),
  },
  {
    resource: 'ephemeral-storage',
    capacity: (cores) => cores * 20 * Gi,
    asked: (_, pick) => (1 + pick(10)) * Gi,
  },
  {
    resource: 'bench.dev/disk',
    capacity: (cores) => cores * 100,
    asked: (_, pick) => 1 + pick(40),
  },
  {
    resource: 'bench.dev/iops',
    capacity: (cores) => cores * 1000,
    asked: (_, pick) => 10 * (1 + pick(50)),
  },
  {
    resource: 'bench.dev/bandwidth',
    capacity: (cores) => cores * 100,
    asked: (_, pick) => 1 + pick(30),
  },
  {
    resource: 'bench.dev/accelerator',
    capacity: (_, shape) => shape * 2,
    asked: (_, pick) => (pick(10) === 0 ? 1 : 0),
  },
];

/** Further ones are alike: scarce enough to matter now and then. */
function dimensionsOf(count: number): readonly Dimension[] {
  const more = Array.from({ length: Math.max(0, count - known.length) }, (_, i) => ({
    resource: `bench.dev/more-${i}`,
    capacity: (cores: number) => cores * 50,
    asked: (_: number, pick: Draw) => 1 + pick(25),
  }));
  return [...known.slice(0, count), ...more];
}

export function fill(snapshot: Snapshot, { nodes, dimensions, mix }: MixOptions): void {
  const width = String(nodes).length;
  const all = dimensionsOf(dimensions);
  for (let i = 0; i < nodes; i += 1) {
    const shape = i % 4;
    const cores = [16, 32, 64, 96][shape] ?? 16;
    const name = `node-${String(i).padStart(width, '0')}`;
    const gpus = new Array<string>(mix === 'gpus' ? ([0, 2, 4, 8][shape] ?? 0) : 0).fill('A100');
    snapshot.upsertNode({
      name,
      labels: { [hostKey]: name },
      traits: { ready: 'True', unschedulable: false, taints: [], runtimes: ['docker'] },
      capacity: sorted(
        all.map(({ resource, capacity }) => ({ resource, amount: capacity(cores, shape) })),
      ),
      ...(gpus.length === 0 ? {} : { gpus }),
    });
  }
}

export function requestsOf({ dimensions, placements, mix, seed, strategy }: MixOptions) {
  const random = seededRandom(seed);
  const pick: Draw = (most) => Math.floor(random.fraction() * most);
  const all = dimensionsOf(dimensions);
  const shape = () => {
    const size = 1 + pick(8);
    return sorted(all.map(({ resource, asked }) => ({ resource, amount: asked(size, pick) })));
  };
  const shapes = Array.from({ length: 200 }, shape);
  const gpuShapes = shapes.map(() => gpuPart(pick));
  const kindOf = (i: number) => {
    if (mix === 'replicas') return Math.floor(i / 1000);
    return mix === 'groups' ? i % applications : pick(shapes.length);
  };
  const requests = Array.from({ length: placements }, (_, i): PlacementRequest => {
    const kind = kindOf(i);
    return withClassKey({
      uid: `pod-${i}`,
      owner: mix === 'distinct' ? `owner-${i}` : `owner-${kind}`,
      amounts: mix === 'distinct' ? shape() : (shapes[kind % shapes.length] ?? []),
      parts: mix === 'gpus' ? (gpuShapes[kind % shapes.length] ?? []) : [],
      nodeSelector: [],
      tolerations: [],
      runtime: 'docker',
      strategy,
      maxPerNode: undefined,
      ...(mix === 'groups' ? apart(`app-${kind}`) : {}),
    });
  });
  return { requests, pick };
}

/** One in ten asks for none, half for a share, the others for one, two, four or eight. */
function gpuPart(pick: Draw): PlacementRequest['parts'] {
  const kind = pick(10);
  if (kind === 0) return [];
  const need =
    kind <= 5
      ? { devices: 1, milli: 50 * (1 + pick(19)), models: [] }
      : { devices: [1, 1, 2, 4, 8][pick(5)] ?? 1, milli: 1000, models: [] };
  return [{ dimension: 'gpu', need }];
}

/** No two of the application on one node. */
function apart(app: string): Pick<PlacementRequest, 'peer' | 'peerRules'> {
  const labels = [{ key: 'app', operator: 'in', values: [app] }] as const;
  const away = [{ selectors: [{ namespaces: ['default'], labels }], topologyKey: hostKey }];
  const peer = { namespace: 'default', labels: { app } };
  return { peer, peerRules: { near: [], away, wishes: [], spread: [] } };
}

function sorted(amounts: readonly Amount[]): readonly Amount[] {
  return amounts
    .filter(({ amount }) => amount > 0)
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}
