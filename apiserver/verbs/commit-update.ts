/** Replaces a stored object by a changed one: what PUT, all patches and apply have in common. */

import { asArray, asObject, child, copyOf, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue, ManagedFieldsEntry } from '../../api/meta.ts';
import { conflict, staleObject } from '../../api/status.ts';
import type { Attributes, GroupVersionKind } from '../admission/index.ts';
import { trackUpdate } from '../apply/index.ts';
import { type Cached, metadataOf } from '../storage/cached.ts';
import { attributesOf } from './admission.ts';
import {
  check,
  checkPart,
  checkStatus,
  checkTypes,
  dedupeOwners,
  reshape,
  toStorage,
} from './admit.ts';
import { resetFields, unstored, withManagedFields } from './commit-create.ts';
import type { ErrorOf } from './decode-errors.ts';
import { type KindRequest, timestamp, type VerbDeps } from './deps.ts';
import type { WriteParameters } from './options.ts';
import { viewOf } from './view.ts';

export interface UpdateInput {
  /** The stored object that `next` was computed from. */
  readonly old: Cached;
  /** Whether `old` is what the store has now; asked before a write that changes nothing is answered. */
  isCurrent(): Promise<boolean>;
  /** The wanted object in the request's version; owned by the caller. */
  readonly next: JsonObject;
  readonly parameters: WriteParameters;
  /** Empty, `status`, one of the strategy's parts, or another one that writes the whole object (`scale`). */
  readonly subresource: string;
  /** As admission sees the object, where that is in another shape. */
  readonly form?: AdmissionForm;
  /** What a value of a wrong type becomes; 400 by default. */
  readonly errorOf?: ErrorOf;
  /** Computes `managedFields` in the place of plain tracking (apply does). */
  readonly managed?: (next: JsonObject) => JsonObject;
}

/** A part of an object that is written as an object of its own: Scale. */
export interface AdmissionForm {
  readonly kind: GroupVersionKind;
  show(object: JsonObject): JsonObject;
  /** `object`, a copy of the caller's own, with what `shown` says. */
  take(shown: JsonObject, object: JsonObject): JsonObject;
}

/** `undefined` when somebody else wrote in between: read again and retry, or answer 409. */
export async function commitUpdate(
  deps: VerbDeps,
  request: KindRequest,
  input: UpdateInput,
): Promise<Cached | undefined> {
  const { kind } = request;
  const { parameters, subresource, errorOf } = input;
  const { signal } = request.request;
  const old = viewOf(input.old, kind).object;
  const now = timestamp(deps.clock);
  const show = (object: JsonObject) => input.form?.show(object) ?? object;
  const attributes = attributesOf(request, {
    operation: 'UPDATE',
    kind: input.form?.kind ?? kind,
    dryRun: parameters.dryRun,
    old: show(old),
  });
  const mutated = await mutate(deps, request, input, attributes);
  const compose = (wanted: JsonObject) => composed(request, { ...input, next: wanted }, old, now);
  // What plugins add belongs to nobody.
  const owners =
    mutated === undefined
      ? undefined
      : ownersOf(request, compose(copyOf(input.next)), old, input, now);
  const next = compose(mutated ?? input.next);
  const part = kind.strategy.parts?.[subresource];
  if (subresource === 'status') checkStatus(request, next, old, errorOf);
  else if (part !== undefined) checkPart(request, next, old, part);
  else check(request, next, old, errorOf);
  await deps.admission.validate(attributes, show(next));
  const managed =
    input.managed?.(next) ??
    withManagedFields(next, owners ?? ownersOf(request, next, old, input, now));
  const asItWas = unchanged(managed, old) && !(await deps.objects.isStale(input.old, signal));
  if (asItWas) return (await input.isCurrent()) ? input.old : undefined;
  if (parameters.dryRun) return (await input.isCurrent()) ? unstored(managed) : undefined;
  const converted = await toStorage(deps, request, managed);
  if (isFinished(managed, kind.strategy.retained)) {
    const revision = await deps.objects.remove(input.old, signal);
    return revision === undefined ? undefined : unstored(converted);
  }
  const result = await deps.admission.commit(attributes, show(next), (beside) =>
    deps.objects.replace(input.old, converted, signal, { beside }),
  );
  return result.type === 'written' ? result.stored : undefined;
}

/** What the first phase of admission makes of the wanted object; `undefined` = it stays. */
async function mutate(
  { admission }: VerbDeps,
  request: KindRequest,
  { form, next }: UpdateInput,
  attributes: Attributes,
): Promise<JsonObject | undefined> {
  const mutated = await admission.mutate(attributes, form?.show(next) ?? next);
  if (mutated === undefined) return undefined;
  const wanted = form?.take(mutated, copyOf(next)) ?? mutated;
  reshape(request, wanted);
  return wanted;
}

/** The object to be stored: the writer's part, and for the rest what was there. */
function composed(
  request: KindRequest,
  { next: wanted, subresource, parameters: { dryRun }, errorOf }: UpdateInput,
  old: JsonObject,
  now: string,
): JsonObject {
  const { kind } = request;
  const { strategy } = kind;
  const part = strategy.parts?.[subresource];
  let next: JsonObject = part === undefined ? { ...wanted } : part.take(wanted, old);
  if (subresource === 'status') {
    next = { ...old, status: wanted['status'] };
    next['metadata'] = kind.builtin ? wanted['metadata'] : old['metadata'];
    if (next['status'] === undefined) delete next['status'];
    else withDefaults(next, strategy);
  } else if (kind.hasStatus) {
    next['status'] = old['status'];
    if (next['status'] === undefined) delete next['status'];
  }
  const given = metadataOf(wanted);
  const metadata: JsonObject = { ...metadataOf(next) };
  metadata['managedFields'] = given['managedFields'];
  metadata['resourceVersion'] = metadataOf(old)['resourceVersion'];
  keepServerFields(metadata, metadataOf(old));
  next['metadata'] = metadata;
  if (subresource !== 'status' && part === undefined) {
    checkTypes(request, next, errorOf);
    strategy.prepareForUpdate?.(next, old, { user: request.user, now, dryRun });
  }
  dedupeOwners(next, request.warnings);
  if (strategy.generation && specChanged(next, old, kind.hasStatus))
    metadata['generation'] = Number(metadataOf(old)['generation'] ?? 0) + 1;
  return next;
}

function withDefaults(next: JsonObject, { defaultStatus }: KindRequest['kind']['strategy']): void {
  const status = asObject(next['status']);
  if (status === undefined || defaultStatus === undefined) return;
  next['status'] = { ...status };
  defaultStatus(child(next, 'status'));
}

const serverFields = ['creationTimestamp', 'generation', 'selfLink'];
/** May be left out; whoever names them must name what is stored. */
const fixedFields = ['uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'];

function keepServerFields(metadata: JsonObject, old: JsonObject): void {
  for (const field of serverFields) {
    if (old[field] === undefined) delete metadata[field];
    else metadata[field] = old[field];
  }
  for (const field of fixedFields) {
    const given = metadata[field];
    if (given !== undefined && given !== null && given !== '') continue;
    if (old[field] === undefined) delete metadata[field];
    else metadata[field] = old[field];
  }
}

/** Whether anything outside metadata (and the status, where it has its own endpoint) differs. */
function specChanged(next: JsonObject, old: JsonObject, hasStatus: boolean): boolean {
  const own = (object: JsonObject): JsonObject => {
    const { metadata: _metadata, status, ...rest } = object;
    return hasStatus ? rest : { ...rest, status };
  };
  return !equal(own(next), own(old));
}

function ownersOf(
  request: KindRequest,
  next: JsonObject,
  old: JsonObject,
  { parameters, subresource }: UpdateInput,
  now: string,
): readonly ManagedFieldsEntry[] {
  return trackUpdate({
    live: old,
    next,
    manager: parameters.fieldManager,
    apiVersion: String(next['apiVersion']),
    subresource,
    schema: request.kind.schema,
    builtin: request.kind.builtin,
    resetFields: resetFields(request.kind, subresource),
    now,
  });
}

/** A write that changes nothing is not stored: same version, no event, no new time in managedFields. */
function unchanged(next: JsonObject, old: JsonObject): boolean {
  return equal(withoutTimes(next), withoutTimes(old));
}

function withoutTimes(object: JsonObject): JsonObject {
  const metadata: JsonObject = { ...metadataOf(object) };
  delete metadata['resourceVersion'];
  const entries = asArray(metadata['managedFields']);
  if (entries.length === 0) delete metadata['managedFields'];
  else
    metadata['managedFields'] = entries.map((entry): JsonValue => {
      const { time: _time, ...rest } = asObject(entry) ?? {};
      return rest;
    });
  return { ...object, metadata };
}

/** A deleted object whose last finalizer has gone is removed by the write that took it off. */
function isFinished(
  object: JsonObject,
  retained: ((object: JsonObject) => boolean) | undefined,
): boolean {
  const metadata = metadataOf(object);
  if (metadata['deletionTimestamp'] === undefined) return false;
  if (asArray(metadata['finalizers']).length > 0 || retained?.(object) === true) return false;
  return Number(metadata['deletionGracePeriodSeconds'] ?? 0) === 0;
}

/** The 409 for a stale or raced write. */
export function stale(request: KindRequest): Error {
  const { kind, info } = request;
  return conflict({ group: kind.group, resource: kind.plural }, info.name, staleObject);
}
