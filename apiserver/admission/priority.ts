/**
 * Turns the name of a PriorityClass into the number and the policy that the scheduler reads, of pods and of
 * VMs. Source: Kubernetes plugin/pkg/admission/priority.
 */
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { forbidden } from '../../api/status.ts';
import { type Cached, metaString } from '../storage/cached.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AdmissionPlugin, Attributes } from './plugin.ts';

const place = { group: 'scheduling.k8s.io', plural: 'priorityclasses' };

type Classes = Pick<ObjectStore, 'get' | 'cache'>;

export function priority(objects: Classes): AdmissionPlugin {
  return {
    name: 'Priority',
    handles: ({ operation, served, subresource }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      subresource === '' &&
      (hasPriority(served) || isClass(served)),
    async mutate(attributes, object) {
      if (object === undefined || !hasPriority(attributes.served)) return undefined;
      const spec = asObject(object['spec']) ?? {};
      const filled =
        attributes.operation === 'CREATE'
          ? await ofClass(objects, attributes, spec)
          : kept(spec, asObject(attributes.old?.['spec']) ?? {});
      if (Object.keys(filled).length === 0) return undefined;
      return { ...object, spec: { ...spec, ...filled } };
    },
    validate(attributes, object) {
      if (object !== undefined && isClass(attributes.served))
        refuseSecondDefault(objects, attributes, object);
    },
  };
}

function hasPriority({ group, plural }: Attributes['served']): boolean {
  return (group === '' && plural === 'pods') || (group === 'berth.dev' && plural === 'vms');
}

function isClass({ group, plural }: Attributes['served']): boolean {
  return group === place.group && plural === place.plural;
}

/** What was found when it was created stays; whoever replaces the object need not say it again. */
function kept(spec: JsonObject, old: JsonObject): JsonObject {
  const filled: JsonObject = {};
  for (const field of ['priority', 'preemptionPolicy'])
    if (spec[field] === undefined && old[field] !== undefined) filled[field] = old[field];
  return filled;
}

async function ofClass(
  objects: Classes,
  attributes: Attributes,
  spec: JsonObject,
): Promise<JsonObject> {
  if (!isWellFormed(spec)) return {};
  const name = asString(spec['priorityClassName']);
  const found = name === '' ? defaultClass(objects) : await classOf(objects, attributes, name);
  const value = Number(found?.object['value'] ?? 0);
  const policy = asString(found?.object['preemptionPolicy']) || 'PreemptLowerPriority';
  const given = spec['priority'];
  if (given !== undefined && given !== value)
    throw refusal(
      attributes,
      `the integer value of priority (${String(given)}) must not be provided in pod spec; ` +
        `priority admission controller computed ${value} from the given PriorityClass name`,
    );
  const wanted = spec['preemptionPolicy'];
  if (wanted !== undefined && wanted !== policy)
    throw refusal(
      attributes,
      `the string value of PreemptionPolicy (${String(wanted)}) must not be provided in pod spec; ` +
        `priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  const className = name === '' ? metaString(found?.object ?? {}, 'name') : name;
  return {
    ...(className === '' ? {} : { priorityClassName: className }),
    priority: value,
    preemptionPolicy: policy,
  };
}

/** What is not of its type is left to the schema, which names the field. */
function isWellFormed({ priority, preemptionPolicy, priorityClassName }: JsonObject): boolean {
  const isPolicy = ['PreemptLowerPriority', 'Never'].includes(String(preemptionPolicy));
  return (
    (priority === undefined || Number.isInteger(priority)) &&
    (preemptionPolicy === undefined || isPolicy) &&
    (priorityClassName === undefined || typeof priorityClassName === 'string')
  );
}

/** The cache may not know yet what was made a moment ago. */
async function classOf(objects: Classes, attributes: Attributes, name: string): Promise<Cached> {
  const known = objects.cache.get(objectKey(place, { name }));
  const found = known ?? (await objects.get(place, { name }, attributes.signal));
  if (found !== undefined) return found;
  throw refusal(attributes, `no PriorityClass with name ${name} was found`);
}

/** Of several, which races may leave, the least important. */
function defaultClass({ cache }: Classes): Cached | undefined {
  let least: Cached | undefined;
  for (const each of cache.list(listPrefix(place, ''))) {
    if (each.object['globalDefault'] !== true) continue;
    if (least === undefined || Number(each.object['value']) < Number(least.object['value']))
      least = each;
  }
  return least;
}

function refuseSecondDefault(objects: Classes, attributes: Attributes, object: JsonObject): void {
  if (object['globalDefault'] !== true) return;
  const known = defaultClass(objects);
  if (known === undefined) return;
  const name = metaString(known.object, 'name');
  if (attributes.operation === 'UPDATE' && name === metaString(object, 'name')) return;
  const text = `PriorityClass ${name} is already marked as default. Only one default can exist`;
  throw refusal(attributes, text);
}

function refusal({ served, name }: Attributes, why: string): Error {
  return forbidden({ group: served.group, resource: served.plural }, name, why);
}
