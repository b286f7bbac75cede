/** Stores a new object: what POST, an apply to nothing and a creating PUT have in common. */

import { asObject, asString } from '../../api/json.ts';
import type { JsonObject, ManagedFieldsEntry } from '../../api/meta.ts';
import { alreadyExists, forbidden, StatusError } from '../../api/status.ts';
import { type FieldSet, fieldElement, setOf, trackUpdate } from '../apply/index.ts';
import { placeOf, type ServedKind } from '../registry/served-kind.ts';
import { type Cached, fromObject, metadataOf, metaString } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import type { GuardedWrite, WriteResult } from '../storage/object-store.ts';
import { attributesOf, createdName } from './admission.ts';
import { check, checkTypes, dedupeOwners, reshape, toStorage } from './admit.ts';
import { type KindRequest, timestamp, type VerbDeps } from './deps.ts';
import type { WriteParameters } from './options.ts';

/** A generated name that is taken is drawn again this often. */
const maxNameTries = 8;
const suffixLength = 5;
/** Kubernetes' limit for names with a generated suffix. */
const maxGeneratedBase = 58;

/**
 * `object` is decoded, shaped and owned by the caller. `managed` computes `managedFields`; by default
 * every field belongs to the writer.
 */
export async function commitCreate(
  deps: VerbDeps,
  request: KindRequest,
  sent: JsonObject,
  parameters: WriteParameters,
  managed?: (object: JsonObject) => JsonObject,
): Promise<Cached> {
  const { kind } = request;
  refuseWhenTerminating(request, sent);
  refuseRevision(sent);
  const now = timestamp(deps.clock);
  const { dryRun } = parameters;
  const { admission } = deps;
  const attributes = attributesOf(request, {
    operation: 'CREATE',
    name: createdName(request, sent),
    dryRun,
  });
  const mutated = await admission.mutate(attributes, sent);
  const object = mutated ?? sent;
  // What plugins add belongs to nobody.
  const owners = mutated === undefined ? undefined : ownersOf(sent, request, parameters, now);
  if (mutated !== undefined) reshape(request, mutated);
  const metadata = asObject(object['metadata']) ?? {};
  ownedByServer(metadata, now, deps, kind);
  object['metadata'] = metadata;
  if (kind.hasStatus && !kind.builtin) delete object['status'];
  dedupeOwners(object, request.warnings);
  const context = { user: request.user, now, dryRun };
  checkTypes(request, object);
  kind.strategy.prepareForCreate?.(object, context);
  const generated = asString(metadata['name']) === '' && asString(metadata['generateName']) !== '';
  for (let attempt = 1; ; attempt += 1) {
    if (generated) metadata['name'] = generatedName(asString(metadata['generateName']), deps);
    const name = metaString(object, 'name');
    check(request, object, undefined);
    await admission.validate({ ...attributes, name }, object);
    const owned =
      managed?.(object) ??
      withManagedFields(object, owners ?? ownersOf(object, request, parameters, now));
    const result = await admission.commit({ ...attributes, name }, object, (beside) =>
      store(deps, request, owned, parameters, beside),
    );
    if (result.type === 'written') {
      if (!dryRun) await untilSettled(deps, request, result.stored);
      return result.stored;
    }
    if (!generated || attempt >= maxNameTries) throw nameTaken(deps, request, name);
  }
}

function refuseWhenTerminating({ kind }: KindRequest, object: JsonObject): void {
  if (!kind.terminating) return;
  const why = 'create not allowed while custom resource definition is terminating';
  throw forbidden({ group: kind.group, resource: kind.plural }, metaString(object, 'name'), why);
}

function refuseRevision(object: JsonObject): void {
  const given = metaString(object, 'resourceVersion');
  if (given !== '' && given !== '0')
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
}

function nameTaken({ objects }: VerbDeps, { kind, info }: KindRequest, name: string): StatusError {
  const error = alreadyExists({ group: kind.group, resource: kind.plural }, name);
  const key = { ...(kind.namespaced ? { namespace: info.namespace } : {}), name };
  const present = objects.cache.get(objectKey(placeOf(kind), key));
  if (present === undefined || metaString(present.object, 'deletionTimestamp') === '') return error;
  const message = `object is being deleted: ${error.message}`;
  return new StatusError(error.code, error.reason, message, error.details);
}

function ownedByServer(metadata: JsonObject, now: string, deps: VerbDeps, kind: ServedKind): void {
  for (const field of [
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'resourceVersion',
  ])
    delete metadata[field];
  metadata['uid'] = deps.random.uuid();
  metadata['creationTimestamp'] = now;
  if (kind.strategy.generation) metadata['generation'] = 1;
  else delete metadata['generation'];
}

function generatedName(base: string, deps: VerbDeps): string {
  return base.slice(0, maxGeneratedBase) + deps.random.suffix(suffixLength);
}

/** Every field belongs to the writer. */
function ownersOf(
  object: JsonObject,
  request: KindRequest,
  parameters: WriteParameters,
  now: string,
): readonly ManagedFieldsEntry[] {
  return trackUpdate({
    live: undefined,
    next: object,
    manager: parameters.fieldManager,
    apiVersion: String(object['apiVersion']),
    schema: request.kind.schema,
    builtin: request.kind.builtin,
    resetFields: resetFields(request.kind, ''),
    now,
  });
}

/** The object with these owners; without the field when there are none. */
export function withManagedFields(
  object: JsonObject,
  entries: readonly ManagedFieldsEntry[],
): JsonObject {
  const { managedFields: _before, ...metadata } = metadataOf(object);
  // The entries are plain JSON; their interface has no index signature.
  const managedFields = entries as readonly JsonObject[];
  return {
    ...object,
    metadata: entries.length === 0 ? metadata : { ...metadata, managedFields },
  };
}

/** Fields that a write through this endpoint cannot own. */
export function resetFields(kind: ServedKind, subresource: string): FieldSet {
  if (subresource === 'status') return kind.builtin ? specOnly : allButStatus;
  return kind.hasStatus ? statusOnly : nothing;
}

const nothing = setOf();
const statusOnly = setOf([fieldElement('status')]);
const specOnly = setOf([fieldElement('spec')]);
const allButStatus = setOf([fieldElement('spec')], [fieldElement('metadata')]);

/** `raced` when the name is taken, or when what stands beside it has changed. */
async function store(
  deps: VerbDeps,
  request: KindRequest,
  object: JsonObject,
  parameters: WriteParameters,
  beside: readonly GuardedWrite[],
): Promise<WriteResult> {
  const { kind, info } = request;
  const { signal } = request.request;
  const place = placeOf(kind);
  const key = {
    ...(kind.namespaced ? { namespace: info.namespace } : {}),
    name: metaString(object, 'name'),
  };
  const converted = await toStorage(deps, request, object);
  if (!parameters.dryRun) return deps.objects.create(place, key, converted, signal, beside);
  if ((await deps.objects.get(place, key, signal)) !== undefined) return { type: 'raced' };
  return { type: 'written', stored: unstored(converted) };
}

const settlePollMs = 5;
/** After this long the client is answered all the same. */
const settleMaxMs = 1_000;

/**
 * Waits until the server's own part of the status is there, for kinds that have one: whoever reads the
 * object after its creation was answered finds it.
 */
async function untilSettled(deps: VerbDeps, request: KindRequest, stored: Cached): Promise<void> {
  const { settled } = request.kind.strategy;
  if (settled === undefined) return;
  const { clock, objects } = deps;
  for (let waitedMs = 0; waitedMs < settleMaxMs; waitedMs += settlePollMs) {
    const current = objects.cache.get(stored.key);
    const seen = current !== undefined || objects.cache.revision >= stored.revision;
    if (seen && (current === undefined || settled(current.object))) return;
    await clock.sleep(settlePollMs, request.request.signal);
  }
}

/** What a dry run answers with: the object as it would be, with the version it has now, if any. */
export function unstored(object: JsonObject): Cached {
  return { ...fromObject('', object, 0n), object };
}
