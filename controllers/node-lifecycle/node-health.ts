/** What the Node object must say about a node's health. Pure. */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { Node, NodeCondition, Taint } from '../../api/kinds.gen.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';

/** A person's word that the machine is off: what was on it may start elsewhere. */
export const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** Only the agent can say these, so nobody knows them of a silent node. */
const agentConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

const effects = ['NoSchedule', 'NoExecute'] as const;

export type Readiness = 'True' | 'False' | 'Unknown';

/** `undefined` before anybody has said anything. */
export function readinessOf({ status }: Node): Readiness | undefined {
  return findCondition(status?.conditions, 'Ready')?.status;
}

/** The conditions of a node that has gone silent; `undefined` when they say so already. */
export function silentConditions(
  { status }: Node,
  nowMs: number,
): readonly NodeCondition[] | undefined {
  const before = status?.conditions ?? [];
  const wrong = agentConditions.filter((type) => findCondition(before, type)?.status !== 'Unknown');
  if (wrong.length === 0) return undefined;
  const others = before.filter(({ type }) => !wrong.includes(type));
  return [...others, ...wrong.map((type) => unknown(type, findCondition(before, type), nowMs))];
}

function unknown(type: string, before: NodeCondition | undefined, nowMs: number): NodeCondition {
  const lastTransitionTime = formatTime(nowMs);
  return before === undefined
    ? {
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Agent never posted node status.',
        lastTransitionTime,
      }
    : {
        // When the agent last said something stays as it is.
        ...before,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Agent stopped posting node status.',
        lastTransitionTime,
      };
}

/** The taints that go with readiness and pressure; `undefined` when they are there. Those of others stay. */
export function healthTaints(
  { spec, status }: Node,
  readiness: Readiness,
  nowMs: number,
): readonly Taint[] | undefined {
  const before = spec.taints ?? [];
  const key = readiness === 'False' ? notReadyTaint : unreachableTaint;
  const wanted: readonly Taint[] = [
    ...(readiness === 'True' ? [] : effects.map((effect) => ({ key, effect }))),
    ...pressureTaints(status),
  ];
  const kept = before.filter(
    (taint) =>
      (!isHealthTaint(taint) && !isPressureTaint(taint)) ||
      wanted.some((each) => isSame(each, taint)),
  );
  const added = wanted.filter((each) => !kept.some((taint) => isSame(each, taint)));
  if (added.length === 0 && kept.length === before.length) return undefined;
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: formatTime(nowMs) }))];
}

/** One that this controller puts on and takes off by itself. */
export function isHealthTaint({ key }: Taint): boolean {
  return key === notReadyTaint || key === unreachableTaint;
}

/** New pods stay away from a machine that is short of something. Source: Kubernetes, `TaintNodesByCondition`. */
const pressureKeys: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
};

function pressureTaints(status: Node['status']): readonly Taint[] {
  return (status?.conditions ?? []).flatMap(({ type, status: is }) => {
    const key = pressureKeys[type];
    return key !== undefined && is === 'True' ? [{ key, effect: 'NoSchedule' }] : [];
  });
}

function isPressureTaint({ key, effect }: Taint): boolean {
  return effect === 'NoSchedule' && Object.values(pressureKeys).includes(key);
}

function isSame(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}
