/** Brings one definition to rest: accepted and served, refused, or emptied and released. */

import { formatTime } from '../../api/conditions.ts';
import { asArray, asString, at, child, copyOf, equal, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { KindDefinition } from '../../api/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { crdFinalizer, setCrdCondition } from '../kinds/crd.ts';
import type { Registry } from '../registry/registry.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import { kindPrefix } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

export const crds = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
const retryMs = 500;
/** How often a definition that is being deleted looks whether its objects have gone. */
const pollMs = 100;

export interface SettleDeps {
  readonly objects: ObjectStore;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tries until it is done, the definition has gone, or `signal` aborts; never rejects. */
export async function settle(deps: SettleDeps, crd: Cached, signal: AbortSignal): Promise<void> {
  const name = metaString(crd.object, 'name');
  let current: Cached | undefined = crd;
  while (current !== undefined && !signal.aborted) {
    try {
      const deleting = metaString(current.object, 'deletionTimestamp') !== '';
      const done = await (deleting ? release : establish)(deps, current, signal);
      if (done) return;
      current = await deps.objects.get(crds, { name }, signal);
    } catch (error) {
      if (signal.aborted) return;
      deps.log.warn({ err: error, name }, 'definition not settled');
      await deps.clock.sleep(retryMs, signal).catch(() => undefined);
    }
  }
}

/** The `spec` of a stored definition, which validation has seen. */
export function definitionOf(crd: JsonObject): KindDefinition {
  return crd['spec'] as unknown as KindDefinition;
}

/** Accepts the names or says why not; false when somebody else wrote in between. */
async function establish(deps: SettleDeps, crd: Cached, signal: AbortSignal): Promise<boolean> {
  const next = copyOf(crd.object);
  const { conflict, accepted } = judgeNames(crd, deps.registry);
  setNameConditions(next, conflict, deps.clock.now());
  const status = child(next, 'status');
  status['acceptedNames'] = accepted;
  status['storedVersions'] = storedVersions(next);
  // In discovery before Established says so: clients go on as soon as they see the condition.
  if (conflict === undefined) deps.registry.setCustom(definitionOf(next));
  if (equal(status, crd.object['status'])) return true;
  return (await deps.objects.replace(crd, next, signal)).type === 'written';
}

function setNameConditions(crd: JsonObject, conflict: Conflict | undefined, nowMs: number): void {
  const accepted = conflict === undefined;
  setCrdCondition(crd, nowMs, {
    type: 'NamesAccepted',
    status: accepted ? 'True' : 'False',
    reason: conflict?.reason ?? 'NoConflicts',
    message: conflict?.message ?? 'no conflicts found',
  });
  setCrdCondition(crd, nowMs, {
    type: 'Established',
    status: accepted ? 'True' : 'False',
    reason: accepted ? 'InitialNamesAccepted' : 'NotAccepted',
    message: accepted ? 'the initial names have been accepted' : 'not all names are accepted',
  });
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

/**
 * Which names are free, each for itself, and the last conflict there is.
 * Source: apiextensions-apiserver `pkg/controller/status/naming_controller.go`.
 */
function judgeNames(crd: Cached, registry: Registry) {
  const { group, names } = definitionOf(crd.object);
  const others = registry
    .all()
    .filter((other) => other.group === group && other.plural !== names.plural);
  const resources = new Set(others.flatMap((o) => [o.plural, o.singular, ...o.shortNames]));
  const kinds = new Set(others.flatMap((other) => [other.kind, other.listKind]));
  const accepted: JsonObject = { plural: '', kind: '' };
  let conflict: Conflict | undefined;
  const claim = (field: string, wanted: readonly string[], taken: ReadonlySet<string>) => {
    const clash = wanted.find((name) => taken.has(name));
    if (clash === undefined) return true;
    const reason = `${field.slice(0, 1).toUpperCase()}${field.slice(1)}Conflict`;
    conflict = { reason, message: `"${clash}" is already in use` };
    return false;
  };
  const { plural, singular, shortNames, kind, listKind, categories } = names;
  if (claim('plural', [plural], resources)) accepted['plural'] = plural;
  if (singular !== undefined && claim('singular', [singular], resources))
    accepted['singular'] = singular;
  if (shortNames !== undefined && claim('shortNames', shortNames, resources))
    accepted['shortNames'] = shortNames;
  if (claim('kind', [kind], kinds)) accepted['kind'] = kind;
  if (listKind !== undefined && claim('listKind', [listKind], kinds))
    accepted['listKind'] = listKind;
  if (categories !== undefined) accepted['categories'] = categories;
  return { conflict, accepted };
}

function storedVersions(crd: JsonObject): string[] {
  const before = asArray(at(crd, 'status', 'storedVersions')).map(asString);
  const storage = objectsOf(at(crd, 'spec', 'versions')).find((each) => each['storage'] === true);
  return [...new Set([...before, asString(storage?.['name'])])].filter((name) => name !== '');
}

/** Deletes the objects of a definition that is going away; the definition follows when none is left. */
async function release(deps: SettleDeps, crd: Cached, signal: AbortSignal): Promise<boolean> {
  const { objects, registry, clock } = deps;
  const finalizers = asArray(metadataOf(crd.object)['finalizers']);
  if (!finalizers.includes(crdFinalizer)) return true;
  const definition = definitionOf(crd.object);
  registry.setCustom(definition, { terminating: true });
  const prefix = kindPrefix({ group: definition.group, plural: definition.names.plural });
  await objects.cache.fresh(signal);
  for (let left = objects.cache.list(prefix); left.length > 0; left = objects.cache.list(prefix)) {
    for (const object of left) await deleteInstance(deps, object, signal);
    await clock.sleep(pollMs, signal);
    if (objects.cache.get(crd.key) === undefined) return true;
  }
  const next = copyOf(crd.object);
  const rest = finalizers.filter((name) => name !== crdFinalizer);
  metadataOf(next)['finalizers'] = rest;
  if (rest.length === 0) return (await objects.remove(crd, signal)) !== undefined;
  return (await objects.replace(crd, next, signal)).type === 'written';
}

/** Objects with finalizers of their own are only marked: whoever put one there takes it off. */
async function deleteInstance(
  { objects, clock }: SettleDeps,
  object: Cached,
  signal: AbortSignal,
): Promise<void> {
  if (asArray(metadataOf(object.object)['finalizers']).length === 0) {
    await objects.remove(object, signal);
    return;
  }
  if (metaString(object.object, 'deletionTimestamp') !== '') return;
  const next = copyOf(object.object);
  const metadata = metadataOf(next);
  metadata['deletionTimestamp'] = formatTime(clock.now());
  metadata['deletionGracePeriodSeconds'] = 0;
  await objects.replace(object, next, signal);
}
