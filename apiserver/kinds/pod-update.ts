/**
 * What of a pod's spec may change once it is there. Source: Kubernetes pkg/apis/core/validation, `ValidatePodUpdate`.
 */
import { asArray, asObject, equal, objectsOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue } from '../schema/field-error.ts';
import { changedGateErrors } from './scheduling-gates.ts';

const immutableText =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Errors of changing `old` to `spec`; both are specs of pods. */
export function podUpdateErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  for (const list of ['containers', 'initContainers'])
    if (asArray(spec[list]).length !== asArray(old[list]).length)
      return [forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')];
  const errors = [
    ...deadlineErrors(spec, old),
    ...tolerationErrors(spec, old),
    ...changedGateErrors(spec, old),
  ];
  if (!equal(fixedPart(spec, old), fixedPart(old, old)))
    errors.push(forbiddenField('spec', immutableText));
  return errors;
}

/** A deadline may be set, and brought forward. */
function deadlineErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  const field = 'spec.activeDeadlineSeconds';
  const [now, before] = [spec['activeDeadlineSeconds'], old['activeDeadlineSeconds']];
  if (before === undefined) return [];
  if (now === undefined)
    return [invalidValue(field, now, 'must not update from a positive integer to nil value')];
  if (Number(now) <= Number(before)) return [];
  return [invalidValue(field, now, 'must be less than or equal to previous value')];
}

/** Tolerations are added, not changed but for their seconds. */
function tolerationErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  const now = objectsOf(spec['tolerations']);
  const kept = objectsOf(old['tolerations']).every((before) =>
    now.some((each) => equal(withoutSeconds(each), withoutSeconds(before))),
  );
  if (kept) return [];
  const why = 'existing toleration can not be modified except its tolerationSeconds';
  return [forbiddenField('spec.tolerations', why)];
}

function withoutSeconds({ tolerationSeconds: _seconds, ...toleration }: JsonObject): JsonObject {
  return toleration;
}

/** The spec without what may change. */
function fixedPart(spec: JsonObject, old: JsonObject): JsonObject {
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    schedulingGates: _gates,
    terminationGracePeriodSeconds: grace,
    ...fixed
  } = spec;
  const wasNegative = Number(old['terminationGracePeriodSeconds']) < 0;
  return {
    ...fixed,
    containers: withoutImages(spec['containers']),
    initContainers: withoutImages(spec['initContainers']),
    terminationGracePeriodSeconds: wasNegative && grace === 1 ? -1 : grace,
  };
}

function withoutImages(list: JsonValue | undefined): JsonValue | undefined {
  if (list === undefined) return undefined;
  return asArray(list).map((each) => ({ ...asObject(each), image: '' }));
}
