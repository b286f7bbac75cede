/**
 * Server-side apply of one object.
 * Source: apimachinery `managedfields` (1.32), whose chain of field managers this is.
 */
import {
  type JsonObject,
  type JsonValue,
  type ManagedFieldsEntry,
  parseApiVersion,
} from '../../api/meta.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import { blankObject } from './blank-object.ts';
import { conflictError } from './conflicts.ts';
import { emptySet } from './field-set.ts';
import { allowedConflicts, withLastApplied } from './last-applied.ts';
import {
  decodeManaged,
  encodeManaged,
  type Managed,
  managedFieldsOf,
  managerKey,
  stripServerFields,
  withManagedFields,
} from './managed-fields.ts';
import { ApplyConflict, apply, type Conflict } from './ownership.ts';
import { converter, nameOf, recordUpdate, type TrackOptions, versioned } from './track-update.ts';
import { validate } from './typed.ts';
import { TypedError } from './typed-error.ts';
import { isObject } from './values.ts';

export interface ApplyOptions extends TrackOptions {
  readonly kind: string;
  /** As stored, in the request's version; absent when the apply creates the object. */
  readonly live: JsonObject | undefined;
  /** What the client sent. */
  readonly applied: JsonObject;
  /** Take over what others own. */
  readonly force: boolean;
}

export interface ApplyResult {
  /** The merged object with its new `metadata.managedFields`; not yet defaulted or validated. */
  readonly object: JsonObject;
  /** Empty = the field is absent. */
  readonly managedFields: readonly ManagedFieldsEntry[];
}

/** What stands in for owners of an object that was never applied before. */
const beforeFirstApply = 'before-first-apply';

/**
 * Throws `StatusError`: 409 with a cause for each field others own, 400 for the wrong version or kind
 * and for managedFields in the body, 500 when either object does not fit the schema (as upstream).
 */
export function applyObject(options: ApplyOptions): ApplyResult {
  const { live, manager, force } = options;
  checkBody(options);
  const outcome = attempt(options, force);
  if (!('conflicts' in outcome)) return finish(options, outcome);
  // What kubectl itself had set from the client's side is its own to change.
  const allowed = new Set(
    manager === 'kubectl' && live !== undefined ? allowedConflicts(options, live) : [],
  );
  const left = outcome.conflicts.filter(({ path }) => !allowed.has(path.join('\0')));
  if (left.length > 0) throw conflictError(left);
  const forced = attempt(options, true);
  if ('conflicts' in forced) throw conflictError(forced.conflicts);
  return finish(options, forced);
}

function checkBody({ applied, apiVersion, kind }: ApplyOptions): void {
  if (applied['apiVersion'] !== apiVersion || applied['kind'] !== kind) {
    throw badRequest(`invalid object type: ${kindText(applied)}`);
  }
  const entries = managedFieldsOf(applied);
  if (entries !== undefined && entries !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
}

interface Outcome {
  /** `undefined`: the object stays as it is. */
  readonly value: JsonValue | undefined;
  readonly managed: Managed;
}

function attempt(
  options: ApplyOptions,
  force: boolean,
): Outcome | { readonly conflicts: readonly Conflict[] } {
  const { applied, subresource, apiVersion, now } = options;
  const manager = options.manager === '' ? 'unknown' : options.manager;
  const key = managerKey({ manager, operation: 'Apply', apiVersion, subresource });
  const config = versioned(applied, options);
  fits('patch', applied, () => validate(config.shape, config.value));
  const live = versioned(liveObject(options), options);
  fits('live', liveObject(options), () => {
    validate(live.shape, live.value, { duplicates: true });
  });
  const managed = managersBefore(options);
  try {
    const { next, owners } = apply({
      live,
      config,
      owners: managed.owners,
      manager: key,
      force,
      convert: converter(options),
      ignored: options.resetFields ?? emptySet,
    });
    stripServerFields(owners, key);
    const times = new Map(managed.times);
    // Owning more without changing anything is not worth a time.
    if (next !== undefined) times.set(key, now);
    return { value: next?.value, managed: { owners, times } };
  } catch (error) {
    if (error instanceof ApplyConflict) return { conflicts: error.conflicts };
    if (error instanceof TypedError) throw new StatusError(500, '', error.message);
    throw error;
  }
}

function finish(options: ApplyOptions, { value, managed }: Outcome): ApplyResult {
  const entries = encodeManaged(managed);
  const merged = isObject(value) ? { ...value } : liveObject(options);
  const object = options.manager === 'kubectl' ? withLastApplied(merged, options.applied) : merged;
  return {
    object: withManagedFields(object, entries),
    // `encodeManaged` writes exactly this form.
    managedFields: entries as ManagedFieldsEntry[],
  };
}

function managersBefore(options: ApplyOptions): Managed {
  const { live } = options;
  const managed = decode(live);
  if (managed.owners.size > 0 || live === undefined) return managed;
  const first = { ...options, manager: beforeFirstApply };
  const before = options.builtin ? blankObject(options.schema) : {};
  const after = withManagedFields(live, undefined);
  return recordUpdate({ ...first, managed, before, after }) ?? managed;
}

function decode(live: JsonObject | undefined): Managed {
  try {
    return decodeManaged(managedFieldsOf(live));
  } catch (error) {
    const why = error instanceof Error ? error.message : 'malformed';
    throw new StatusError(500, '', `failed to decode managed fields: ${why}`, undefined, {
      cause: error,
    });
  }
}

function liveObject({ live, apiVersion, kind }: ApplyOptions): JsonObject {
  return live === undefined ? { apiVersion, kind } : withManagedFields(live, undefined);
}

function fits(what: 'patch' | 'live', object: JsonObject, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const { namespace, name } = nameOf(object);
    const where = `${namespace}/${name}; ${kindText(object)}`;
    const message = `failed to create typed ${what} object (${where}): ${error.message}`;
    throw new StatusError(500, '', message, undefined, { cause: error });
  }
}

function kindText(object: JsonObject): string {
  const { apiVersion, kind } = object;
  const { group, version } = parseApiVersion(typeof apiVersion === 'string' ? apiVersion : '');
  return `${group}/${version}, Kind=${typeof kind === 'string' ? kind : ''}`;
}
