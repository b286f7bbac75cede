/**
 * PriorityClass: a value that never changes, and two classes that every plane has. Source: Kubernetes
 * pkg/apis/scheduling: `ValidatePriorityClass`, `ValidatePriorityClassUpdate`, `SystemPriorityClasses`.
 */
import { asString, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { type FieldError, forbidden } from '../../api/status.ts';
import { forbiddenField, invalidValue } from '../schema/field-error.ts';
import { metaString } from '../storage/cached.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

interface SystemClass {
  readonly name: string;
  readonly value: number;
  readonly description: string;
}

/** They are there from the start, and stay. */
export const systemPriorityClasses: readonly SystemClass[] = [
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another ' +
      'node if necessary.',
  },
];

const systemPrefix = 'system-';
const highestOfUsers = 1_000_000_000;

export const priorityClassStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  validate(object, old) {
    return old === undefined ? newErrors(object) : [...newErrors(object), ...changes(object, old)];
  },
  checkDelete({ name }) {
    if (!systemPriorityClasses.some((known) => known.name === name)) return;
    const what = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };
    throw forbidden(what, name, 'this is a system priority class and cannot be deleted');
  },
};

function newErrors(object: JsonObject): readonly FieldError[] {
  const name = metaString(object, 'name');
  if (name.startsWith(systemPrefix)) {
    const why = systemError(name, object);
    if (why === undefined) return [];
    const reserved = `priority class names with '${systemPrefix}' prefix are reserved for system use only`;
    return [forbiddenField('metadata.name', `${reserved}. error: ${why}`)];
  }
  if (Number(object['value']) <= highestOfUsers) return [];
  const text = `maximum allowed value of a user defined priority is ${highestOfUsers}`;
  return [forbiddenField('value', text)];
}

/** Undefined where it is one of the two, as they are. */
function systemError(name: string, { value, globalDefault }: JsonObject): string | undefined {
  const known = systemPriorityClasses.find((each) => each.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known.value) return `value of ${name} PriorityClass must be ${known.value}`;
  if (globalDefault === true) return `globalDefault of ${name} PriorityClass must be false`;
  return undefined;
}

function changes(object: JsonObject, old: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (!equal(object['value'], old['value']))
    errors.push(forbiddenField('value', 'may not be changed in an update.'));
  const policy = object['preemptionPolicy'];
  if (!equal(policy, old['preemptionPolicy']))
    errors.push(invalidValue('preemptionPolicy', asString(policy), 'field is immutable'));
  return errors;
}
