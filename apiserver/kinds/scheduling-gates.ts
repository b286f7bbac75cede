/** `schedulingGates` of pods: who holds a pod back, and that nobody is added later. Source: Kubernetes pkg/apis/core/validation. */
import { asArray, asString, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue } from '../schema/field-error.ts';

const field = 'spec.schedulingGates';

/** What a new pod that has any is told. */
export const gatedCondition: JsonObject = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export function isGated(spec: JsonObject): boolean {
  return asArray(spec['schedulingGates']).length > 0;
}

/** Of a new pod. */
export function gateErrors(spec: JsonObject): FieldError[] {
  const errors = namesOf(spec).flatMap((name, i) =>
    validateQualifiedName(name).map((why) => invalidValue(`${field}[${i}].name`, name, why)),
  );
  if (isGated(spec) && asString(spec['nodeName']) !== '') {
    const why = 'cannot be set until all schedulingGates have been cleared';
    errors.push(forbiddenField('spec.nodeName', why));
  }
  return errors;
}

/** Of one that is there. */
export function changedGateErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  const before = new Set(namesOf(old));
  return namesOf(spec).flatMap((name) =>
    before.has(name)
      ? []
      : [
          forbiddenField(
            field,
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

function namesOf(spec: JsonObject): string[] {
  return objectsOf(spec['schedulingGates']).map(({ name }) => asString(name));
}
