/** A stored object as one served version shows it, and its wire bytes. */
import { copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatApiVersion } from '../../api/meta.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { applyDefaults, prune } from '../schema/index.ts';
import type { Cached, View } from '../storage/cached.ts';
import { stringifyJson } from '../wire/json.ts';
import type { KindRequest, VerbDeps } from './deps.ts';

/** The object in `kind`'s version; made once per cached revision. Do not change what it returns. */
export function viewOf(cached: Cached, kind: ServedKind): View {
  const present = cached.views.get(kind);
  if (present !== undefined) return present;
  if (needsWebhook(cached, kind)) throw new Error(`${cached.key} is shown before it is converted`);
  const view: View = { object: shown(cached.object, kind) };
  cached.views.set(kind, view);
  return view;
}

function shown(stored: JsonObject, kind: ServedKind): JsonObject {
  if (kind.storedAs !== undefined) return kind.storedAs.fromStored(stored);
  return kind.builtin ? stored : customView(stored, kind);
}

/**
 * Has views made that only a webhook can make, all in one question. Called before `viewOf` for whatever
 * comes from the store or goes there. Throws 500 where the webhook does not deliver.
 */
export async function prepareViews(
  deps: VerbDeps,
  request: KindRequest,
  objects: readonly Cached[],
): Promise<void> {
  const { kind } = request;
  if (kind.conversion === undefined) return;
  const isMissing = (each: Cached) => !each.views.has(kind) && needsWebhook(each, kind);
  const missing = objects.filter(isMissing);
  if (missing.length === 0) return;
  // Many watchers want the same object at once: one of them asks.
  const asked = [...new Set(missing.flatMap((each) => pending.get(each)?.get(kind) ?? []))];
  await convertViews(
    deps,
    request,
    missing.filter((each) => !pending.get(each)?.has(kind)),
  );
  await Promise.allSettled(asked);
  // Who asked may have gone away, or was refused.
  await convertViews(deps, request, missing.filter(isMissing));
}

/** Views that are being made, for each kind. */
const pending = new WeakMap<Cached, Map<ServedKind, Promise<void>>>();

async function convertViews(
  { converter }: VerbDeps,
  { kind, request }: KindRequest,
  objects: readonly Cached[],
): Promise<void> {
  if (objects.length === 0) return;
  const convert = async () => {
    const stored = objects.map((each) => withDefaults(each.object, kind));
    const converted = await converter.convert(stored, kind, request.signal);
    for (const [index, each] of objects.entries()) {
      const object = converted[index];
      if (object !== undefined) each.views.set(kind, { object });
    }
  };
  const work = convert();
  for (const each of objects) {
    const kinds = pending.get(each) ?? new Map<ServedKind, Promise<void>>();
    pending.set(each, kinds.set(kind, work));
  }
  try {
    await work;
  } finally {
    for (const each of objects) pending.get(each)?.delete(kind);
  }
}

function needsWebhook({ object }: Cached, kind: ServedKind): boolean {
  return kind.conversion !== undefined && object['apiVersion'] !== apiVersionOf(kind);
}

function apiVersionOf({ group, version }: ServedKind): string {
  return formatApiVersion(group, version);
}

/**
 * What is read from storage may be older than the schema: it is pruned and defaulted again. Defaults are
 * those of the version that is stored; another version adds none when it is read.
 */
function customView(stored: JsonObject, kind: ServedKind): JsonObject {
  const object = withDefaults(stored, kind);
  object['apiVersion'] = apiVersionOf(kind);
  prune(object, kind.schema);
  return object;
}

function withDefaults(stored: JsonObject, kind: ServedKind): JsonObject {
  const object = copyOf(stored);
  const shown = stored['apiVersion'] === apiVersionOf(kind);
  applyDefaults(object, shown ? kind.schema : kind.storageSchema);
  return object;
}

/** JSON of the whole object. */
export function bytesOf(cached: Cached, kind: ServedKind): Uint8Array {
  const view = viewOf(cached, kind);
  view.bytes ??= alone(encode(view.object, kind));
  return view.bytes;
}

/** In memory of its own: Node cuts small buffers from blocks of 8 KiB, and what is kept of one keeps it whole. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
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
