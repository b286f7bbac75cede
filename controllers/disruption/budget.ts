/**
 * How many pods of a PodDisruptionBudget may be evicted. Pure.
 * Source: kubernetes pkg/controller/disruption/disruption.go.
 */
import type { Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import { isReady } from '../workload/pod-state.ts';

/** How long an eviction that was granted may take until it is seen; after that it counts as not done. */
export const deletionTimeoutMs = 120_000;

export interface BudgetInput {
  readonly budget: PodDisruptionBudget;
  /** All that the selector chooses. */
  readonly pods: readonly Pod[];
  /** Replicas that the pod's controller asks for; `undefined` when that is not known. */
  scaleOf(controllerUid: string): number | undefined;
  readonly nowMs: number;
}

export interface BudgetCounts {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
  readonly currentHealthy: number;
  readonly disruptionsAllowed: number;
  /** Evictions that were granted and are done: to be forgotten. */
  readonly confirmed: readonly string[];
  /** Evictions that were granted and never seen: to be forgotten, with a complaint. */
  readonly notDeleted: readonly string[];
  /** Until the next granted eviction counts as not done. */
  readonly recheckAfterMs: number | undefined;
}

/** The budget cannot be worked out, so nothing is allowed. The message is for people. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** Throws `BudgetError`. */
export function countBudget(input: BudgetInput): BudgetCounts {
  const { expectedPods, desiredHealthy } = expectation(input);
  const disrupted = stillDisrupted(input);
  const currentHealthy = input.pods.filter(
    (pod) => isReady(pod) && !disrupted.waiting.has(pod.metadata.name ?? ''),
  ).length;
  const spare = expectedPods > 0 ? Math.max(currentHealthy - desiredHealthy, 0) : 0;
  const waits = [...disrupted.waiting.values()];
  return {
    expectedPods,
    desiredHealthy,
    currentHealthy,
    disruptionsAllowed: spare,
    confirmed: disrupted.confirmed,
    notDeleted: disrupted.notDeleted,
    recheckAfterMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

function expectation(input: BudgetInput): { expectedPods: number; desiredHealthy: number } {
  const { minAvailable, maxUnavailable } = input.budget.spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    throw new BudgetError('minAvailable and maxUnavailable cannot be both set');
  }
  if (maxUnavailable !== undefined) {
    const expectedPods = expectedScale(input);
    const missing = scaled(maxUnavailable, expectedPods);
    return { expectedPods, desiredHealthy: Math.max(expectedPods - missing, 0) };
  }
  if (typeof minAvailable === 'number') {
    return { expectedPods: input.pods.length, desiredHealthy: minAvailable };
  }
  if (minAvailable !== undefined) {
    const expectedPods = expectedScale(input);
    return { expectedPods, desiredHealthy: scaled(minAvailable, expectedPods) };
  }
  return { expectedPods: 0, desiredHealthy: 0 };
}

/** What the controllers of the pods ask for together; pods without a controller do not count. */
function expectedScale({ pods, scaleOf }: BudgetInput): number {
  const scales = new Map<string, number>();
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find((each) => each.controller);
    if (owner === undefined || scales.has(owner.uid)) continue;
    const scale = scaleOf(owner.uid);
    if (scale === undefined) {
      throw new BudgetError(`found no controllers for pod "${metadata.name}"`);
    }
    scales.set(owner.uid, scale);
  }
  return [...scales.values()].reduce((sum, scale) => sum + scale, 0);
}

/** A number as it is; a percentage of `total`, rounded up. */
function scaled(value: number | string, total: number): number {
  if (typeof value === 'number') return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null) {
    throw new BudgetError(`invalid value for IntOrString: "${value}" is not a percentage`);
  }
  return Math.ceil((Number(match[1]) * total) / 100);
}

interface Disrupted {
  /** By name, with how long they still count as gone. */
  readonly waiting: ReadonlyMap<string, number>;
  readonly confirmed: readonly string[];
  readonly notDeleted: readonly string[];
}

/** The evictions that were granted and that the pods do not show yet. */
function stillDisrupted({ budget, pods, nowMs }: BudgetInput): Disrupted {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const waiting = new Map<string, number>();
  const confirmed: string[] = [];
  const notDeleted: string[] = [];
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = byName.get(name);
    const grantedMs = Date.parse(time);
    const waitMs = grantedMs + deletionTimeoutMs - nowMs;
    const replaced = Date.parse(pod?.metadata.creationTimestamp ?? '') > grantedMs;
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || replaced) {
      confirmed.push(name);
    } else if (waitMs > 0) {
      waiting.set(name, waitMs);
    } else {
      notDeleted.push(name);
    }
  }
  return { waiting, confirmed, notDeleted };
}
