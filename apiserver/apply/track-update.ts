/**
 * Ownership after a create, update or patch.
 * Source: apimachinery `managedfields` (1.32), whose chain of field managers this is.
 */
import type { JsonObject, ManagedFieldsEntry } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { blankObject } from './blank-object.ts';
import { emptySet, type FieldSet, union } from './field-set.ts';
import { rememberedEntries } from './form.ts';
import {
  capUpdaters,
  decodeManaged,
  encodeManaged,
  isReset,
  type Managed,
  managedFieldsOf,
  managerKey,
  noManagers,
  stripServerFields,
  withManagedFields,
} from './managed-fields.ts';
import { type Convert, update, type Versioned } from './ownership.ts';
import { shapeOf } from './shape.ts';
import { validate } from './typed.ts';
import { TypedError } from './typed-error.ts';
import { field, isObject } from './values.ts';

/** What every tracked request has. */
export interface TrackOptions {
  /** The name of the client that asks: the query's fieldManager, else from its User-Agent. */
  readonly manager: string;
  /** Of the request. Objects are given in this version. */
  readonly apiVersion: string;
  /** Of the request's version, with complete `metadata`. */
  readonly schema: Schema;
  /** `status` or `scale`; absent for the object itself. */
  readonly subresource?: string | undefined;
  /** Fields that this endpoint does not write, so that nobody owns them through it. */
  readonly resetFields?: FieldSet | undefined;
  /** RFC 3339 with seconds. */
  readonly now: string;
  /** Whether the kind is compiled in: its objects are structs, which exist before they are set. */
  readonly builtin?: boolean | undefined;
  /**
   * The object in another version of its kind with that version's schema; `undefined` if the version
   * is not served. Default: the same object and schema in every version.
   */
  readonly convert?: ConvertObject | undefined;
}

export type ConvertObject = (
  object: JsonObject,
  apiVersion: string,
) => { readonly object: JsonObject; readonly schema: Schema } | undefined;

export interface UpdateOptions extends TrackOptions {
  /** As stored; absent on create. */
  readonly live: JsonObject | undefined;
  /** As it will be stored, with the managedFields that the client sent. */
  readonly next: JsonObject;
}

/** The `metadata.managedFields` of `next`; empty = the field is to be absent. Never throws. */
export function trackUpdate(options: UpdateOptions): ManagedFieldsEntry[] {
  const { live, next, subresource } = options;
  const isNew = live === undefined && (subresource === undefined || subresource === '');
  // Who sends owners along may have any.
  if (!isNew || managedFieldsOf(next) !== undefined) return entriesOf(options);
  return rememberedEntries(options, () => entriesOf(options));
}

function entriesOf(options: UpdateOptions): ManagedFieldsEntry[] {
  const { live, next, schema, builtin } = options;
  const managed = managersBefore(options);
  // Owners that were thrown away stay away until somebody applies.
  if (managed.owners.size === 0 && live !== undefined) return [];
  const blank = builtin ? blankObject(schema) : {};
  const before = withManagedFields(live ?? blank, undefined);
  const after = withManagedFields(next, undefined);
  const changed = recordUpdate({ ...options, managed, before, after });
  // `encodeManaged` writes exactly this form.
  return encodeManaged(changed ?? managed) as ManagedFieldsEntry[];
}

/** Clients may edit the list themselves, but not through a subresource. */
function managersBefore({ live, next, subresource }: UpdateOptions): Managed {
  const ofClient = managedFieldsOf(next);
  const ofLive = managedFieldsOf(live);
  if (subresource === undefined || subresource === '') {
    if (isReset(ofClient)) return noManagers();
    const managed = tryDecode(ofClient);
    if (managed.owners.size > 0) return managed;
  }
  return tryDecode(ofLive);
}

function tryDecode(entries: Parameters<typeof decodeManaged>[0]): Managed {
  try {
    return decodeManaged(entries);
  } catch {
    return noManagers();
  }
}

/** The request itself, apart from its manager's earlier entry, so that only what it changed counts. */
const self = 'current-operation';

export interface RecordOptions extends TrackOptions {
  readonly managed: Managed;
  readonly before: JsonObject;
  readonly after: JsonObject;
}

/** Owners after an update; `undefined` when an object does not fit the schema. */
export function recordUpdate(options: RecordOptions): Managed | undefined {
  const { managed, manager, apiVersion, subresource, now } = options;
  const convert = converter(options);
  const live = versioned(options.before, options);
  const next = versioned(options.after, options);
  const ignored = options.resetFields ?? emptySet;
  try {
    validate(live.shape, live.value, { duplicates: true });
    validate(next.shape, next.value, { duplicates: true });
    const owners = update({ live, next, owners: managed.owners, manager: self, convert, ignored });
    const result: Managed = { owners, times: new Map(managed.times) };
    stripServerFields(owners, self);
    const mine = owners.get(self);
    owners.delete(self);
    if (mine !== undefined) {
      const name = manager === '' ? 'unknown' : manager;
      const key = managerKey({ manager: name, operation: 'Update', apiVersion, subresource });
      const earlier = owners.get(key)?.set ?? emptySet;
      owners.set(key, { ...mine, set: union(earlier, mine.set) });
      result.times.set(key, now);
    }
    capUpdaters(result);
    return result;
  } catch (error) {
    if (error instanceof TypedError) return undefined;
    throw error;
  }
}

/** An object of the request's version. */
export function versioned(
  value: JsonObject,
  { apiVersion, schema }: Pick<TrackOptions, 'apiVersion' | 'schema'>,
): Versioned {
  return { apiVersion, shape: shapeOf(schema), value };
}

/** @see TrackOptions */
export function converter({ convert }: Pick<TrackOptions, 'convert'>): Convert {
  return (object, apiVersion) => {
    if (convert === undefined) return { ...object, apiVersion };
    if (!isObject(object.value)) return undefined;
    const converted = convert({ ...object.value }, apiVersion);
    if (converted === undefined) return undefined;
    return { apiVersion, shape: shapeOf(converted.schema), value: converted.object };
  };
}

/** The parts of `metadata` that messages name. */
export function nameOf(object: JsonObject): { readonly namespace: string; readonly name: string } {
  const metadata = field(object, 'metadata');
  const part = (key: string) => {
    const value = isObject(metadata) ? field(metadata, key) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { namespace: part('namespace'), name: part('name') };
}
