/** Works out what to write to a status: only what changed, conditions by their own rules. */
import { isDeepStrictEqual } from 'node:util';
import { removeCondition, setCondition } from '../../api/conditions.ts';
import type { Condition, JsonObject, JsonValue, KubeObject } from '../../api/meta.ts';
import type { StatusCondition } from './controller.ts';
import type { TerminalError } from './errors.ts';

/** The condition that says that only a change of the object can help. */
export const stalled = 'Stalled';

export function stalledCondition({ reason, message }: TerminalError): StatusCondition {
  return { type: stalled, status: 'True', reason, message };
}

/** The status of an object, whatever its kind. */
function statusOf(object: KubeObject): JsonObject {
  const { status } = object as KubeObject & { readonly status?: JsonObject }; // If it has one.
  return status ?? {};
}

export function conditionsOf(object: KubeObject): readonly Condition[] {
  const { conditions } = statusOf(object) as { readonly conditions?: readonly Condition[] }; // As every kind has them.
  return conditions ?? [];
}

/** A merge patch of the status; undefined when there is nothing to write. */
export function statusPatch(
  object: KubeObject,
  fields: JsonObject,
  conditions: readonly StatusCondition[],
  observedGeneration: number | undefined,
  nowMs: number,
): JsonObject | undefined {
  const before = statusOf(object);
  const patch: JsonObject = {};
  const put = (field: string, value: JsonValue | undefined) => {
    if (!isDeepStrictEqual(before[field], value)) patch[field] = value ?? null;
  };
  for (const [field, value] of Object.entries(fields)) put(field, value);
  if (observedGeneration !== undefined) put('observedGeneration', observedGeneration);
  let list = conditionsOf(object);
  for (const condition of conditions) {
    if ('remove' in condition) {
      list = removeCondition(list, condition.type);
    } else {
      const observed = observedGeneration === undefined ? {} : { observedGeneration };
      list = setCondition(list, { ...condition, ...observed }, nowMs);
    }
  }
  // Conditions are plain JSON.
  put('conditions', list.length === 0 ? undefined : (list as unknown as JsonValue));
  return Object.keys(patch).length === 0 ? undefined : patch;
}
