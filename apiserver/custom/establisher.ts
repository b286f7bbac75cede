/**
 * Serves the kinds of CustomResourceDefinitions: follows them in the store, keeps the registry up to
 * date, sets their conditions, and empties and releases those that are being deleted.
 */
import { setCondition } from '../../api/conditions.ts';
import type { Condition, JsonObject } from '../../api/meta.ts';
import type { KindDefinition } from '../../api/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { crdFinalizer } from '../kinds/crd.ts';
import { asArray, asObject, asString, at, child, equal } from '../../api/json.ts';
import type { Registry } from '../registry/registry.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import { kindPrefix } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

const crds = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
const retryMs = 500;

export interface EstablisherDeps {
  readonly objects: ObjectStore;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves what is stored already; call before the server listens. */
export function loadDefinitions({ objects, registry }: EstablisherDeps): void {
  for (const crd of objects.cache.list(kindPrefix(crds))) serveIfAccepted(crd, registry);
}

/** Follows definitions until `signal` aborts. */
export async function runEstablisher(deps: EstablisherDeps, signal: AbortSignal): Promise<void> {
  const { objects, log, clock } = deps;
  while (!signal.aborted) {
    const since = objects.cache.revision;
    const subscription = objects.cache.subscribe(kindPrefix(crds), since);
    const stop = () => subscription?.end();
    signal.addEventListener('abort', stop, { once: true });
    for (const crd of objects.cache.list(kindPrefix(crds))) await settle(deps, crd, signal);
    for await (const events of subscription ?? []) {
      for (const event of events) {
        if (event.type === 'delete') retire(event.previous, deps.registry);
        else await settle(deps, event.current, signal);
      }
    }
    signal.removeEventListener('abort', stop);
    if (!signal.aborted) log.warn({}, 'watch of definitions ended, starting again');
    await clock.sleep(retryMs, signal).catch(() => undefined);
  }
}

async function settle(deps: EstablisherDeps, crd: Cached, signal: AbortSignal): Promise<void> {
  for (let current: Cached | undefined = crd; current !== undefined && !signal.aborted; ) {
    try {
      const written = await settleOnce(deps, current, signal);
      if (written !== 'raced') return;
    } catch (error) {
      if (signal.aborted) return;
      deps.log.warn({ err: error, name: metaString(crd.object, 'name') }, 'definition not settled');
      await deps.clock.sleep(retryMs, signal).catch(() => undefined);
    }
    current = await deps.objects
      .get(crds, { name: metaString(crd.object, 'name') }, signal)
      .catch(() => current);
  }
}

async function settleOnce(
  deps: EstablisherDeps,
  crd: Cached,
  signal: AbortSignal,
): Promise<'done' | 'raced'> {
  if (metaString(crd.object, 'deletionTimestamp') !== '') return release(deps, crd, signal);
  const next = structuredClone(crd.object);
  const conflict = nameConflict(crd, deps);
  const conditions = conditionsOf(next, conflict, deps.clock);
  const status = child(next, 'status');
  status['conditions'] = conditions as unknown as readonly JsonObject[]; // Conditions are plain JSON.
  if (conflict === undefined) status['acceptedNames'] = at(next, 'spec', 'names');
  status['storedVersions'] = storedVersions(next);
  // In discovery before Established says so: clients go on as soon as they see the condition.
  if (conflict === undefined) deps.registry.setCustom(definitionOf(next));
  if (equal(status, crd.object['status'])) return 'done';
  const result = await deps.objects.replace(crd, next, signal);
  return result.type === 'raced' ? 'raced' : 'done';
}

function conditionsOf(crd: JsonObject, conflict: string | undefined, clock: Clock): Condition[] {
  const now = clock.now();
  // What is stored in status.conditions was written here.
  const before = asArray(at(crd, 'status', 'conditions')) as unknown as readonly Condition[];
  const accepted = conflict === undefined;
  const named = setCondition(
    before,
    {
      type: 'NamesAccepted',
      status: accepted ? 'True' : 'False',
      reason: accepted ? 'NoConflicts' : 'NamesConflict',
      message: conflict ?? 'no conflicts found',
    },
    now,
  );
  return [
    ...setCondition(
      named,
      {
        type: 'Established',
        status: accepted ? 'True' : 'False',
        reason: accepted ? 'InitialNamesAccepted' : 'NotAccepted',
        message: accepted ? 'the initial names have been accepted' : 'not all names are accepted',
      },
      now,
    ),
  ];
}

/** Which of the names another kind of the group already has. */
function nameConflict(crd: Cached, { registry }: EstablisherDeps): string | undefined {
  const { group, names } = definitionOf(crd.object);
  const others = registry
    .all()
    .filter((kind) => kind.group === group && kind.plural !== names.plural);
  for (const other of others) {
    const taken = [other.plural, other.singular, ...other.shortNames];
    for (const name of [names.plural, names.singular ?? '', ...(names.shortNames ?? [])])
      if (taken.includes(name)) return `"${name}" is already in use`;
    if (other.kind === names.kind || other.listKind === names.kind)
      return `"${names.kind}" is already in use`;
  }
  return undefined;
}

function storedVersions(crd: JsonObject): string[] {
  const before = asArray(at(crd, 'status', 'storedVersions')).map(asString);
  const storage = asArray(at(crd, 'spec', 'versions'))
    .map(asObject)
    .find((version) => version?.['storage'] === true);
  return [...new Set([...before, asString(storage?.['name'])])].filter((name) => name !== '');
}

/** Deletes the objects of a definition that is going away; the definition follows when none is left. */
async function release(
  { objects, registry, clock }: EstablisherDeps,
  crd: Cached,
  signal: AbortSignal,
): Promise<'done' | 'raced'> {
  const finalizers = asArray(metadataOf(crd.object)['finalizers']);
  if (!finalizers.includes(crdFinalizer)) return 'done';
  const { group, names } = definitionOf(crd.object);
  const prefix = kindPrefix({ group, plural: names.plural });
  for (;;) {
    const left = objects.cache.list(prefix);
    if (left.length === 0) break;
    for (const object of left) await deleteInstance(objects, object, clock, signal);
    await clock.sleep(100, signal);
  }
  registry.removeCustom(group, names.plural);
  const next = structuredClone(crd.object);
  const rest = finalizers.filter((name) => name !== crdFinalizer);
  if (rest.length === 0) return (await objects.remove(crd, signal)) === undefined ? 'raced' : 'done';
  metadataOf(next)['finalizers'] = rest;
  return (await objects.replace(crd, next, signal)).type === 'raced' ? 'raced' : 'done';
}

/** Objects with finalizers of their own are only marked: whoever put one there takes it off. */
async function deleteInstance(
  objects: ObjectStore,
  object: Cached,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (asArray(metadataOf(object.object)['finalizers']).length === 0) {
    await objects.remove(object, signal);
    return;
  }
  if (metaString(object.object, 'deletionTimestamp') !== '') return;
  const next = structuredClone(object.object);
  const metadata = metadataOf(next);
  metadata['deletionTimestamp'] = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  metadata['deletionGracePeriodSeconds'] = 0;
  await objects.replace(object, next, signal);
}

function retire(crd: Cached, registry: Registry): void {
  const { group, names } = definitionOf(crd.object);
  if (registry.hasCustom(group, names.plural)) registry.removeCustom(group, names.plural);
}

function serveIfAccepted(crd: Cached, registry: Registry): void {
  const accepted = asArray(at(crd.object, 'status', 'conditions'))
    .map(asObject)
    .some((condition) => condition?.['type'] === 'Established' && condition['status'] === 'True');
  if (accepted) registry.setCustom(definitionOf(crd.object));
}

/** The `spec` of a stored definition, which validation has seen. */
function definitionOf(crd: JsonObject): KindDefinition {
  return crd['spec'] as unknown as KindDefinition;
}
