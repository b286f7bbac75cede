/**
 * `metadata.managedFields`: between its written form and owners by identifier.
 * Source: Kubernetes API reference, ManagedFieldsEntry v1 meta; apimachinery `managedfields` (1.32).
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { difference, fromFieldsV1, isEmpty, setOf, toFieldsV1, union } from './field-set.ts';
import type { Owned } from './ownership.ts';
import { compareText, field, isList, isObject } from './values.ts';

/** Owners of an object with the time each of them last changed something. */
export interface Managed {
  readonly owners: Map<string, Owned>;
  readonly times: Map<string, string>;
}

export interface ManagerName {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
}

/** More entries of updates than this are merged, oldest first. */
export const maxUpdateManagers = 10;

const bucketName = 'ancient-changes';

/** The key of a manager: appliers are the same in every version of the kind, updaters are not. */
export function managerKey({ manager, operation, apiVersion, subresource }: ManagerName): string {
  return JSON.stringify({
    ...(manager === '' ? {} : { manager }),
    operation,
    ...(operation === 'Apply' ? {} : { apiVersion }),
    ...(subresource === undefined || subresource === '' ? {} : { subresource }),
  });
}

/** The inverse of `managerKey`; an applier has no version in its key. */
export function parseManagerKey(key: string): Partial<ManagerName> {
  // `managerKey` wrote it.
  return JSON.parse(key) as Partial<ManagerName>;
}

export function noManagers(): Managed {
  return { owners: new Map(), times: new Map() };
}

/** Throws `Error` when an entry is malformed. */
export function decodeManaged(entries: JsonValue | undefined): Managed {
  const managed = noManagers();
  if (!isList(entries)) return managed;
  for (const [i, entry] of entries.entries()) {
    if (!isObject(entry)) throw new Error(`managed fields entry ${i} is not an object`);
    const operation = entry['operation'];
    if (operation !== 'Apply' && operation !== 'Update') {
      throw new Error('operation must be `Apply` or `Update`');
    }
    const apiVersion = text(entry['apiVersion']);
    if (apiVersion === '') throw new Error('apiVersion must not be empty');
    const fieldsType = text(entry['fieldsType']);
    if (fieldsType === '') throw new Error(`missing fieldsType in managed fields entry ${i}`);
    if (fieldsType !== 'FieldsV1') {
      throw new Error(`invalid fieldsType "${fieldsType}" in managed fields entry ${i}`);
    }
    const manager = text(entry['manager']);
    const subresource = text(entry['subresource']);
    const key = managerKey({ manager, operation, apiVersion, subresource });
    const set = fromFieldsV1(entry['fieldsV1']);
    managed.owners.set(key, { set, apiVersion, applied: operation === 'Apply' });
    const time = text(entry['time']);
    if (time === '') managed.times.delete(key);
    else managed.times.set(key, time);
  }
  return managed;
}

/** Entries in upstream's order: appliers first, then by time, name, version and subresource. */
export function encodeManaged({ owners, times }: Managed): JsonObject[] {
  const entries = [...owners].map(([key, owned]) => {
    const { manager, operation, subresource } = parseManagerKey(key);
    const time = times.get(key);
    const entry: JsonObject = {
      ...(manager === undefined ? {} : { manager }),
      operation: operation ?? (owned.applied ? 'Apply' : 'Update'),
      apiVersion: owned.apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(owned.set),
      ...(subresource === undefined ? {} : { subresource }),
    };
    return entry;
  });
  return sortEntries(entries);
}

/** @see encodeManaged */
export function sortEntries(entries: readonly JsonObject[]): JsonObject[] {
  return [...entries].sort(
    (a, b) =>
      compareText(text(a['operation']), text(b['operation'])) ||
      seconds(text(a['time'])) - seconds(text(b['time'])) ||
      compareText(text(a['manager']), text(b['manager'])) ||
      compareText(text(a['apiVersion']), text(b['apiVersion'])) ||
      compareText(text(a['subresource']), text(b['subresource'])),
  );
}

/** Whether a request asks for all owners to be forgotten: an empty list, or one empty entry. */
export function isReset(entries: JsonValue | undefined): boolean {
  if (!isList(entries)) return false;
  if (entries.length === 0) return true;
  const [only] = entries;
  return entries.length === 1 && isObject(only) && Object.values(only).every(isBlank);
}

/** Merges the oldest updaters of each version into one entry until there are at most `max`. */
export function capUpdaters({ owners, times }: Managed, max = maxUpdateManagers): void {
  const age = (key: string) => seconds(times.get(key) ?? '');
  const updaters = [...owners.keys()]
    .filter((key) => owners.get(key)?.applied === false)
    .sort((a, b) => age(a) - age(b) || compareText(a, b));
  const firstOfVersion = new Map<string, string>();
  let count = updaters.length;
  for (const key of updaters) {
    if (count <= max) return;
    const owned = owners.get(key);
    if (owned === undefined) continue;
    const { apiVersion } = owned;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, key);
      continue;
    }
    const bucket = managerKey({ manager: bucketName, operation: 'Update', apiVersion });
    const gathered = owners.get(bucket) ?? owners.get(first);
    if (!owners.has(bucket)) owners.delete(first);
    if (key === bucket) continue;
    owners.delete(key);
    const set = gathered === undefined ? owned.set : union(gathered.set, owned.set);
    owners.set(bucket, { set, apiVersion, applied: false });
    const time = times.get(key);
    if (time !== undefined) times.set(bucket, time);
    count -= 1;
  }
}

/** What nobody owns, because the server alone sets it. */
const serverFields = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ['f:metadata', 'f:name'],
  ['f:metadata', 'f:namespace'],
  ['f:metadata', 'f:creationTimestamp'],
  ['f:metadata', 'f:selfLink'],
  ['f:metadata', 'f:uid'],
  ['f:metadata', 'f:clusterName'],
  ['f:metadata', 'f:generation'],
  ['f:metadata', 'f:managedFields'],
  ['f:metadata', 'f:resourceVersion'],
);

/** Takes the server's own fields from a manager. */
export function stripServerFields(owners: Map<string, Owned>, key: string): void {
  const owned = owners.get(key);
  if (owned === undefined) return;
  const set = difference(owned.set, serverFields);
  if (isEmpty(set)) owners.delete(key);
  else owners.set(key, { ...owned, set });
}

/** The entries of an object. */
export function managedFieldsOf(object: JsonObject | undefined): JsonValue | undefined {
  const metadata = field(object, 'metadata');
  return isObject(metadata) ? field(metadata, 'managedFields') : undefined;
}

/** The object with these entries, or without any. */
export function withManagedFields(
  object: JsonObject,
  entries: readonly JsonObject[] | undefined,
): JsonObject {
  const metadata = field(object, 'metadata');
  const { managedFields, ...rest } = isObject(metadata) ? metadata : {};
  const blank = entries === undefined || entries.length === 0;
  if (blank && managedFields === undefined) return object;
  return { ...object, metadata: blank ? rest : { ...rest, managedFields: entries } };
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isBlank(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === '';
}

/** Whole seconds, as stored times have no fraction; no time is the oldest. */
function seconds(time: string): number {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}
