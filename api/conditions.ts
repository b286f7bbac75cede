/** Conditions of a status: one per type, with the time of the last change of `status`. */
import type { Condition } from './meta.ts';

/** The condition of that type. */
export function findCondition<C extends Pick<Condition, 'type'>>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of that type is `True`. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The list with `condition` in place of the one of its type. `lastTransitionTime` stays as long as
 * `status` does, and is `nowMs` otherwise. Returns the very same list when nothing changes.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Omit<Condition, 'lastTransitionTime'>,
  nowMs: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const old = findCondition(list, condition.type);
  if (old === undefined) return [...list, { ...condition, lastTransitionTime: formatTime(nowMs) }];
  const since = old.status === condition.status ? old.lastTransitionTime : undefined;
  const next: Condition = { ...condition, lastTransitionTime: since ?? formatTime(nowMs) };
  if (sameCondition(old, next)) return list;
  return list.map((each) => (each === old ? next : each));
}

/** The list without the condition of that type. */
export function removeCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): readonly Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

function sameCondition(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration &&
    a.lastTransitionTime === b.lastTransitionTime
  );
}

/** RFC 3339 without fractions, as every timestamp of the API. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
