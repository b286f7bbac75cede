/**
 * Plans that stay inside one NUMA node as far as that costs nothing. Eru takes all local plans first and what is left
 * across, which on some nodes makes fewer plans than there could be, in an order that changes from call to call.
 */
import {
  type CoreRequest,
  type FreePieces,
  isDivided,
  isDividedAt,
  type Plan,
  type PlanOptions,
  turnsLeft,
} from './cores.ts';
import { corePlans, countPlans } from './plans.ts';

export interface NumaNode {
  readonly id: number;
  /** Positions of its cores. */
  readonly cores: readonly number[];
  /** Bytes free; undefined when the node does not say. */
  readonly memoryFree: number | undefined;
}

export interface LocatedPlan {
  readonly plan: Plan;
  /** Undefined when the plan has cores of several NUMA nodes, or the node has only one memory. */
  readonly numaNode: number | undefined;
}

export interface MemoryRequest {
  readonly bytes: number;
  /** Free on the whole node. */
  readonly free: number;
}

/** As many plans as without regard to NUMA and as the memory allows; the local ones come first. */
export function numaPlans(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  nodes: readonly NumaNode[],
  memory: MemoryRequest = { bytes: 0, free: 0 },
): readonly LocatedPlan[] {
  const byMemory = timesIn(memory.free, memory.bytes);
  const most = Math.min(countPlans(free, request, options), byMemory);
  const ordered = [...nodes].sort((a, b) => a.id - b.id);
  const local: LocatedPlan[] = [];
  for (const node of ordered) {
    const here = optionsOn(node, free, local, options);
    local.push(...localPlans(free, request, here, node, memory.bytes));
  }
  // The last local plans give way where they are in the way of more.
  for (let kept = Math.min(local.length, most); kept >= 0; kept -= 1) {
    const chosen = local.slice(0, kept);
    const rest = without(free, chosen);
    const left = optionsAfter(chosen, free, options);
    const across = kept === most ? [] : corePlans(rest, request, left).slice(0, most - kept);
    if (kept + across.length < most && kept > 0) continue;
    return [
      ...chosen,
      ...across.map((plan) => ({ plan, numaNode: numaNodeOf(plan, nodes, memory) })),
    ];
  }
  return [];
}

/** As many more of its cores may be divided as of the whole node's after the plans so far. */
function optionsOn(
  { cores }: NumaNode,
  free: FreePieces,
  plans: readonly LocatedPlan[],
  options: PlanOptions,
): PlanOptions {
  const after = optionsAfter(plans, free, options);
  if (after.fragments === undefined) return options;
  const fragments = cores.map((core) => after.fragments?.[core] ?? 0);
  const divided = fragments.filter((held) => held > 0).length;
  return { maxShared: divided + turnsLeft(free, after), fragments };
}

/** Which cores are divided when the plans are carried out. */
function optionsAfter(
  plans: readonly LocatedPlan[],
  free: FreePieces,
  options: PlanOptions,
): PlanOptions {
  if (options.maxShared === undefined) return options;
  const fragments = Array.from(free, (_, core) => Number(isDividedAt(free, core, options)));
  for (const core of coresInPart(plans)) fragments[core] = 1;
  return { maxShared: options.maxShared, fragments };
}

/** Cores of which the plans take fragments. */
function coresInPart(plans: readonly LocatedPlan[]): readonly number[] {
  const shares = plans.flatMap(({ plan }) => plan).filter(({ pieces }) => isDivided(pieces));
  return [...new Set(shares.map(({ core }) => core))];
}

function localPlans(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  { id, cores, memoryFree }: NumaNode,
  bytes: number,
): readonly LocatedPlan[] {
  const mine = cores.map((core) => free[core] ?? 0);
  const plans = corePlans(mine, request, options).map((plan) => ({
    plan: plan.map(({ core, pieces }) => ({ core: cores[core] ?? core, pieces })),
    numaNode: id,
  }));
  const byMemory = memoryFree === undefined ? plans.length : timesIn(memoryFree, bytes);
  return plans.slice(0, byMemory);
}

/** A plan that comes out local by itself is local, unless it is the memory there that is short. */
function numaNodeOf(
  plan: Plan,
  nodes: readonly NumaNode[],
  memory: MemoryRequest,
): number | undefined {
  if (memory.bytes > 0) return undefined;
  return nodes.find(({ cores }) => plan.every(({ core }) => cores.includes(core)))?.id;
}

function without(free: FreePieces, taken: readonly LocatedPlan[]): number[] {
  const left = Array.from(free);
  for (const { plan } of taken) {
    for (const { core, pieces } of plan) left[core] = (left[core] ?? 0) - pieces;
  }
  return left;
}

/** How often it fits; any number of times when nothing is asked. */
function timesIn(free: number, asked: number): number {
  return asked > 0 ? Math.max(0, Math.floor(free / asked)) : Number.MAX_SAFE_INTEGER;
}
