/**
 * Judges bound CPU plans against recorded cases of Eru. Where Eru is right its very plans are asked for. Where it is
 * not, the right answer: it truncates requests (2.3 cores lose a piece), leaves room on cores that are sold several
 * times, panics where more cores are divided than maxshare allows, hangs on less than 1/100 core, and takes equal cores
 * in the order of text, where 10 is before 2.
 */
import { givenBack, planNear } from '../../scheduler/dimensions/cpu-bound/affinity.ts';
import {
  type CoreRequest,
  CoreRequestError,
  coreRequest,
  type Plan,
  type PlanOptions,
  plansMax,
} from '../../scheduler/dimensions/cpu-bound/cores.ts';
import { corePlans, countPlans } from '../../scheduler/dimensions/cpu-bound/plans.ts';
import { bestCount } from './best.ts';
import { eruPlans } from './eru-planner.ts';

export type Pieces = Readonly<Record<string, number>>;

export interface PlansRow {
  readonly available: Pieces;
  readonly request: number;
  readonly maxshare?: number;
  readonly count: number;
  readonly plans?: readonly Pieces[];
  readonly error?: string;
}

export interface AffinityRow {
  readonly available: Pieces;
  readonly origin: Pieces;
  readonly request: number;
  readonly maxshare?: number;
  readonly count: number;
  readonly chosen?: Pieces;
  readonly error?: string;
}

/** What is wrong with our answer to a row; empty when it is right. */
export function judgePlans(row: PlansRow): readonly string[] {
  const request = requestOf(row.request);
  if (request === undefined) return refusedRightly(row.request);
  return inEitherOrder(Object.keys(row.available), (names) => plansFaults(row, request, names));
}

function plansFaults(
  row: PlansRow,
  request: CoreRequest,
  names: readonly string[],
): readonly string[] {
  const free = names.map((name) => row.available[name] ?? 0);
  const { maxshare = -1 } = row;
  const options = optionsOf(maxshare);
  const count = countPlans(free, request, options);
  const plans = corePlans(free, request, options);
  const best = bestCount({ free, ...request, maxshare });
  const faults = [
    ...faultsOfCount(count, best, row, request),
    ...faultsOfPlans(plans, free, request),
  ];
  if (plans.length !== Math.min(count, plansMax)) {
    faults.push(`${plans.length} plans for a count of ${count}`);
  }
  const isEruAsGood = () =>
    eruPlans({ free, held: [], pieces: piecesOf(request), maxshare }).length === count;
  // Of more plans than are ever listed some are left out.
  const isListed = row.count === count && count <= plansMax;
  if (isListed && row.plans && isComparable(row, request) && isEruAsGood()) {
    const ours = plans.slice(0, row.plans.length).map((plan) => named(plan, names));
    if (!same(ours, row.plans.map(sorted))) {
      faults.push(`plans ${JSON.stringify(ours)}, Eru's ${JSON.stringify(row.plans)}`);
    }
  }
  return faults;
}

/** The same for an instance that changes its size. */
export function judgeAffinity(row: AffinityRow): readonly string[] {
  const request = requestOf(row.request);
  if (request === undefined) return refusedRightly(row.request);
  const cores = new Set([...Object.keys(row.available), ...Object.keys(row.origin)]);
  return inEitherOrder([...cores], (names) => affinityFaults(row, request, names));
}

function affinityFaults(
  row: AffinityRow,
  request: CoreRequest,
  names: readonly string[],
): readonly string[] {
  const held = names.flatMap((name, core) => {
    const pieces = row.origin[name];
    return pieces === undefined ? [] : [{ core, pieces }];
  });
  const free = givenBack(
    names.map((name) => row.available[name] ?? 0),
    held,
  );
  const { maxshare = -1 } = row;
  const options = optionsOf(maxshare);
  const count = countPlans(free, request, options);
  const best = bestCount({ free, ...request, maxshare });
  const chosen = planNear(free, held, request, options);
  const faults = [
    ...faultsOfCount(count, best, row, request),
    ...faultsOfPlans(chosen === undefined ? [] : [chosen], free, request),
  ];
  if ((chosen !== undefined) !== count > 0) faults.push(`a plan was chosen of ${count}`);
  // Of an instance that holds nothing it is not said which way Eru takes.
  const isEruAble = () =>
    held.length > 0 && eruPlans({ free, held, pieces: piecesOf(request), maxshare }).length > 0;
  if (chosen !== undefined && row.chosen && isComparable(row, request) && isEruAble()) {
    const ours = named(chosen, names);
    if (!same(ours, sorted(row.chosen))) {
      faults.push(`chosen ${JSON.stringify(ours)}, Eru ${JSON.stringify(row.chosen)}`);
    }
  }
  return faults;
}

/** Equal cores are taken in the order of their positions: of text as Eru has it recorded, or of numbers as is right. */
function inEitherOrder(
  names: readonly string[],
  faultsIn: (names: readonly string[]) => readonly string[],
): readonly string[] {
  const asText = [...names].sort();
  const asNumbers = [...names].sort(new Intl.Collator('en', { numeric: true }).compare);
  const faults = faultsIn(asText);
  if (faults.length === 0 || same(asText, asNumbers)) return faults;
  return faultsIn(asNumbers).length === 0 ? [] : faults;
}

function optionsOf(maxshare: number): PlanOptions {
  return { maxShared: maxshare < 0 ? undefined : maxshare };
}

function requestOf(cores: number): CoreRequest | undefined {
  try {
    const request = coreRequest(cores);
    const pieces = Math.round(Math.round(cores * 1e6) / 1e4);
    if (piecesOf(request) === pieces) return request;
    throw new Error(`${cores} cores are ${pieces} pieces, not ${JSON.stringify(request)}`);
  } catch (error) {
    if (error instanceof CoreRequestError) return undefined;
    throw error;
  }
}

/** Only what is less than one piece may be refused, whatever Eru did with it. */
function refusedRightly(cores: number): readonly string[] {
  return cores >= 0.01 ? [`refused ${cores} cores`] : [];
}

/** Whether Eru was asked for the same pieces and came back with an answer. */
function isComparable(row: { request: number; error?: string }, request: CoreRequest): boolean {
  return row.error === undefined && Math.trunc(row.request * 100) === piecesOf(request);
}

function piecesOf({ whole, fragment }: CoreRequest): number {
  return whole * 100 + fragment;
}

function faultsOfCount(
  count: number,
  best: number | undefined,
  row: PlansRow | AffinityRow,
  request: CoreRequest,
): readonly string[] {
  const faults: string[] = [];
  if (best !== undefined && count !== best) faults.push(`count ${count}, the optimum is ${best}`);
  if (isComparable(row, request) && count < row.count)
    faults.push(`count ${count}, Eru ${row.count}`);
  return faults;
}

/** Whole cores are whole, the fragment is in one piece, no core is twice in a plan or given out beyond its pieces. */
function faultsOfPlans(
  plans: readonly Plan[],
  free: readonly number[],
  { whole, fragment }: CoreRequest,
): readonly string[] {
  const left = [...free];
  for (const plan of plans) {
    const sizes = plan.map(({ pieces }) => pieces);
    const wanted = [...Array<number>(whole).fill(100), ...(fragment > 0 ? [fragment] : [])];
    const isShaped = same([...sizes].sort(ascending), wanted.sort(ascending));
    const isDistinct = new Set(plan.map(({ core }) => core)).size === plan.length;
    if (!isShaped || !isDistinct) return [`plan ${JSON.stringify(plan)} has the wrong shape`];
    for (const { core, pieces } of plan) left[core] = (left[core] ?? 0) - pieces;
  }
  const over = left.findIndex((pieces, core) => pieces < Math.min(0, free[core] ?? 0));
  return over < 0 ? [] : [`core at position ${over} is given out beyond its pieces`];
}

const ascending = (a: number, b: number) => a - b;

function named(plan: Plan, names: readonly string[]): Pieces {
  return sorted(Object.fromEntries(plan.map(({ core, pieces }) => [names[core] ?? '?', pieces])));
}

function sorted(pieces: Pieces): Pieces {
  return Object.fromEntries(Object.entries(pieces).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
