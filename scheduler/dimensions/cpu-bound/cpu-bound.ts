import type { JsonValue } from '../../../api/meta.ts';
import { parseQuantity } from '../../../api/quantity.ts';
import type { Shortage } from '../../engine/reasons.ts';
import type { NodeCores } from '../../engine/request.ts';
import type { Claim, Devices, Quantities, StructuredDimension } from '../dimension.ts';
import {
  type CoreRequest,
  isDivided,
  type PlanOptions,
  piecesPerCore,
  requestOf,
} from './cores.ts';
import { numaPlans } from './numa.ts';
import { corePlans, countPlans, fitsOnce } from './plans.ts';

/** What an instance with bound cores asks for. */
export type CoreNeed = {
  /** Of 1/100 core; less than 1 can be had nowhere. */
  readonly pieces: number;
  /** Bytes, for the choice of a NUMA node. */
  readonly memory: number;
};

/** The cores of an instance. */
export type CorePiece = {
  /** Pieces by number of the core: 100 = all of it. */
  readonly cores: { readonly [core: string]: number };
  /** Where all of them and its memory are; absent when they are on several. */
  readonly numaNode?: number;
  /** Bytes taken from that NUMA node. */
  readonly memory?: number;
};

/**
 * Cores that belong to an instance, whole ones and a fragment of one more (`berth.dev/cpu-binding: Bound`). The
 * instance takes the same amount from the shared `cpu` too, so that both together never pass what the node has.
 */
export const cpuBound: StructuredDimension<CoreNeed, CorePiece> = {
  type: 'structured',
  name: 'cpuBound',
  parse: (claim) => (claim.isCpuBound === true ? needOf(claim) : undefined),
  read: (stored) => (isPiece(stored) ? stored : undefined),
  create: ({ cores = noCores }) => coreTable(cores),
};

const noCores: NodeCores = { ids: [], pieces: 0, numa: [] };

/** The larger of what runs together and of any moment before. */
function needOf({ together, before }: Claim): CoreNeed {
  const moments = [together, ...before];
  const most = (resource: string, nanoPerUnit: bigint) =>
    moments.reduce((max, parts) => bigger(max, sumOf(parts, resource)), 0n) / nanoPerUnit;
  // Half a piece is rounded up: never less than what was asked by more than rounding takes.
  const pieces = Number((most('cpu', 1n) + 5_000_000n) / 10_000_000n);
  const memory = Number(most('memory', 1_000_000_000n));
  return { pieces, memory };
}

function sumOf(parts: readonly Quantities[], resource: string): bigint {
  let sum = 0n;
  for (const part of parts) sum += parseQuantity(part[resource] ?? 0).nano;
  return sum;
}

function bigger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function isPiece(stored: JsonValue): stored is CorePiece {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return false;
  const { cores, numaNode, memory } = stored as { readonly [key: string]: JsonValue };
  if (typeof cores !== 'object' || cores === null || Array.isArray(cores)) return false;
  const shares = Object.entries(cores);
  return (
    shares.every(([core, pieces]) => /^\d{1,4}$/.test(core) && Number.isSafeInteger(pieces)) &&
    [numaNode, memory].every((value) => value === undefined || Number.isSafeInteger(value))
  );
}

function coreTable(cores: NodeCores): Devices<CoreNeed, CorePiece> {
  const { ids, numa, maxShared } = cores;
  const positions = new Map(ids.map((id, position) => [id, position]));
  const free = new Float64Array(ids.length).fill(cores.pieces);
  /** How many instances have a fragment of each. */
  const fragments = new Int32Array(ids.length);
  // Free pieces tell less: of a core that is sold one and a half times, or that fragments use up.
  const options: PlanOptions = maxShared === undefined ? { maxShared } : { maxShared, fragments };
  const memoryFree = new Map(numa.map(({ id, memory }) => [id, memory]));

  const add = ({ cores: shares, numaNode, memory = 0 }: CorePiece, sign: 1 | -1): void => {
    for (const [core, pieces] of Object.entries(shares)) {
      // A core that is gone can be neither taken nor given back.
      const position = positions.get(Number(core));
      if (position === undefined) continue;
      free[position] = (free[position] ?? 0) + sign * pieces;
      if (isDivided(pieces)) fragments[position] = (fragments[position] ?? 0) - sign;
    }
    const left = numaNode === undefined ? undefined : memoryFree.get(numaNode);
    if (numaNode !== undefined && left !== undefined)
      memoryFree.set(numaNode, left + sign * memory);
  };
  const fits = ({ pieces }: CoreNeed) => pieces > 0 && fitsOnce(free, requestOf(pieces), options);

  return {
    fits,
    count: ({ pieces }) => (pieces > 0 ? countPlans(free, requestOf(pieces), options) : 0),
    allocate: ({ pieces, memory }) => {
      if (pieces < 1) return { cores: {} };
      const request = requestOf(pieces);
      if (numa.length === 0) {
        const [plan = []] = corePlans(free, request, options);
        return { cores: sharesOf(plan, ids) };
      }
      const nodes = numa.map((one) => ({ ...one, memoryFree: memoryFree.get(one.id) }));
      const needed = { bytes: memory, free: Number.MAX_SAFE_INTEGER };
      const [best] = numaPlans(free, request, options, nodes, needed);
      const shares = sharesOf(best?.plan ?? [], ids);
      if (best?.numaNode === undefined) return { cores: shares };
      return { cores: shares, numaNode: best.numaNode, ...(memory > 0 ? { memory } : {}) };
    },
    // Bound by somebody else, without cores of its own: it is on the shared ones.
    implied: () => ({ cores: {} }),
    take: (piece) => add(piece, -1),
    release: (piece) => add(piece, 1),
    // The shared cpu, which it takes too, says how full the node is.
    score: () => undefined,
    explain: (need) => (fits(need) ? undefined : shortageOf(need, free, cores)),
  };
}

function sharesOf(
  plan: readonly { readonly core: number; readonly pieces: number }[],
  ids: readonly number[],
): CorePiece['cores'] {
  return Object.fromEntries(plan.map(({ core, pieces }) => [String(ids[core] ?? core), pieces]));
}

function shortageOf({ pieces }: CoreNeed, free: Float64Array, { ids }: NodeCores): Shortage {
  const common = { type: 'shortage', dimension: 'cpuBound', resource: 'cpu' } as const;
  if (pieces < 1) {
    const text = { asked: 'less than 0.01', free: String(ids.length) };
    const reason = 'at least cpu 10m must be asked for to be bound to cores';
    return { ...common, reason, asked: 1, free: 0, missing: 1, text };
  }
  // There may be enough, but no core that may be divided.
  const missing = Math.max(1, missingPieces(requestOf(pieces), free));
  const left = Math.max(0, pieces - missing);
  return {
    ...common,
    reason: 'Insufficient bound cpu',
    asked: pieces,
    free: left,
    missing,
    text: {
      asked: String(pieces / piecesPerCore),
      free: String(left / piecesPerCore),
      missing: String(missing / piecesPerCore),
    },
    // Less of it may need other cores: lowering by so much need not help.
    remedy: `free ${missing / piecesPerCore} of the cores that come nearest`,
  };
}

/** The fewest pieces that must become free, on the right cores, for one instance to fit. */
function missingPieces({ whole, fragment }: CoreRequest, free: Float64Array): number {
  const lacks = (goal: number) => (pieces: number) => Math.max(0, goal - Math.max(0, pieces));
  const cores = [...free];
  const sumOfWholes = (among: readonly number[]) => {
    const least = among.map(lacks(piecesPerCore)).sort((a, b) => a - b);
    const there = least.slice(0, whole);
    // Cores the node does not have lack all of it.
    return there.reduce((sum, lack) => sum + lack, (whole - there.length) * piecesPerCore);
  };
  if (fragment === 0) return sumOfWholes(cores);
  return Math.min(
    fragment + sumOfWholes(cores),
    ...cores.map((pieces, i) => lacks(fragment)(pieces) + sumOfWholes(cores.toSpliced(i, 1))),
  );
}
