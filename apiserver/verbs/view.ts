/** A stored object as one served version shows it, and its wire bytes. */
import { copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatApiVersion } from '../../api/meta.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { applyDefaults, prune } from '../schema/index.ts';
import type { Cached, View } from '../storage/cached.ts';
import { stringifyJson } from '../wire/json.ts';

/** The object in `kind`'s version; made once per cached revision. Do not change what it returns. */
export function viewOf(cached: Cached, kind: ServedKind): View {
  const present = cached.views.get(kind);
  if (present !== undefined) return present;
  const view: View = { object: shown(cached.object, kind) };
  cached.views.set(kind, view);
  return view;
}

function shown(stored: JsonObject, kind: ServedKind): JsonObject {
  if (kind.storedAs !== undefined) return kind.storedAs.fromStored(stored);
  return kind.builtin ? stored : customView(stored, kind);
}

/**
 * What is read from storage may be older than the schema: it is pruned and defaulted again. Defaults are
 * those of the version that is stored; another version adds none when it is read.
 */
function customView(stored: JsonObject, kind: ServedKind): JsonObject {
  const object = copyOf(stored);
  object['apiVersion'] = formatApiVersion(kind.group, kind.version);
  applyDefaults(object, kind.storageSchema);
  prune(object, kind.schema);
  return object;
}

/** JSON of the whole object. */
export function bytesOf(cached: Cached, kind: ServedKind): Uint8Array {
  const view = viewOf(cached, kind);
  view.bytes ??= encode(view.object, kind);
  return view.bytes;
}

const openBrace = Buffer.from('{');

/** JSON as it stands in a list: items of built-in lists carry no apiVersion and kind. */
export function itemBytes(cached: Cached, kind: ServedKind): readonly Uint8Array[] {
  const bytes = bytesOf(cached, kind);
  if (!kind.builtin) return [bytes];
  return [openBrace, bytes.subarray(typePrefix(kind).length)];
}

/** JSON of any object of the kind; a built-in one has its type first so that lists can cut it off. */
export function encode(object: JsonObject, kind: ServedKind): Uint8Array {
  // Custom objects are maps to upstream, whose keys come sorted.
  if (!kind.builtin) return Buffer.from(stringifyJson(object, { sortKeys: true }));
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return Buffer.from(typePrefix(kind) + stringifyJson(rest).slice(1));
}

function typePrefix(kind: ServedKind): string {
  const apiVersion = formatApiVersion(kind.group, kind.version);
  return `{"kind":"${kind.kind}","apiVersion":"${apiVersion}",`;
}
