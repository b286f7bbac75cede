/** A stored object as the server keeps it in memory: parsed once, encoded once per version. */
import type { JsonObject } from '../../api/meta.ts';
import type { Entry, Revision } from '../../store/store.ts';
import { parseJson, stringifyJson } from '../wire/json.ts';

/** One version's look at a stored object. */
export interface View {
  readonly object: JsonObject;
  /** JSON as it goes over the wire; filled when first encoded. */
  bytes?: Uint8Array;
}

export interface Cached {
  readonly key: string;
  readonly revision: Revision;
  /** How large it is in the store; 0 where that does not matter. */
  readonly bytes: number;
  /** In the storage version, with `metadata.resourceVersion`; shared, never changed. */
  readonly object: JsonObject;
  /** The object as a served kind shows it, made when first asked for; keys are `ServedKind`s. */
  readonly views: Map<object, View>;
}

/** Reads a store entry; the revision becomes `metadata.resourceVersion`. */
export function decodeEntry(entry: Entry): Cached {
  // What we stored was an object; anything else is corruption and must not go unnoticed.
  const object = parseJson(entry.value).value as JsonObject;
  return fromObject(entry.key, object, entry.modRevision, entry.value.length);
}

/** The cached form of `object` as of `revision`. */
export function fromObject(key: string, object: JsonObject, revision: Revision, bytes = 0): Cached {
  return {
    key,
    revision,
    bytes,
    object: withRevision(object, revision),
    views: new Map(),
  };
}

/** The bytes that go into the store: without `resourceVersion`, which is the entry's own revision. */
export function encodeForStore(object: JsonObject): Uint8Array {
  const metadata = { ...metadataOf(object) };
  delete metadata['resourceVersion'];
  return Buffer.from(stringifyJson({ ...object, metadata }));
}

export function withRevision(object: JsonObject, revision: Revision): JsonObject {
  return { ...object, metadata: { ...metadataOf(object), resourceVersion: String(revision) } };
}

/** The object's metadata, for reading; an empty one when it has none. */
export function metadataOf(object: JsonObject): JsonObject {
  const { metadata } = object;
  // Narrowed by the check; arrays do not get past validation.
  return typeof metadata === 'object' && metadata !== null ? (metadata as JsonObject) : {};
}

/** A string field of the metadata; empty when absent. */
export function metaString(object: JsonObject, field: string): string {
  const value = metadataOf(object)[field];
  return typeof value === 'string' ? value : '';
}
