/** `berth.dev/cpu-binding` of pods and pod templates: a slip of the pen would mean shared cores without a word. */
import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { isQuantity, parseQuantity } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, notSupported } from '../schema/field-error.ts';

const annotation = 'berth.dev/cpu-binding';
const bindings = ['Bound', 'Shared'];

/** A hundredth of a core. */
const leastNano = 10_000_000n;

/** `path` is where the metadata stand: `metadata`, `spec.template.metadata`. */
export function cpuBindingErrors(
  metadata: JsonObject | undefined,
  spec: JsonObject,
  path: string,
): FieldError[] {
  const binding = at(metadata, 'annotations', annotation);
  if (binding === undefined) return [];
  const field = `${path}.annotations[${annotation}]`;
  if (!bindings.includes(asString(binding))) return [notSupported(field, binding, bindings)];
  if (binding === 'Shared' || cpuNanoOf(spec) >= leastNano) return [];
  const remedy = 'the containers must ask for at least 10m of cpu in all to be bound to cores';
  return [invalidValue(field, binding, remedy)];
}

/** The cores of a pod are chosen once, with its node. */
export function changedBindingErrors(pod: JsonObject, old: JsonObject): FieldError[] {
  const of = (object: JsonObject) => at(object, 'metadata', 'annotations', annotation);
  if (equal(of(pod), of(old))) return [];
  return [
    forbiddenField(
      `metadata.annotations[${annotation}]`,
      'may not be changed on a pod: change the template it is made from, or make it anew',
    ),
  ];
}

function cpuNanoOf(spec: JsonObject): bigint {
  let nano = 0n;
  for (const container of asArray(spec['containers'])) {
    const resources = asObject(at(asObject(container), 'resources'));
    const cpu = at(resources, 'requests', 'cpu') ?? at(resources, 'limits', 'cpu') ?? 0;
    const isAmount = typeof cpu === 'string' || typeof cpu === 'number';
    if (isAmount && isQuantity(cpu)) nano += parseQuantity(cpu).nano;
  }
  return nano;
}
