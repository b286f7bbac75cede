/**
 * The annotation that `kubectl apply` without `--server-side` keeps its last manifest in: it lets
 * kubectl change over to server-side apply without conflicts with itself.
 * Source: apimachinery `managedfields` (1.32), lastappliedmanager and lastappliedupdater.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { parseJson, stringifyJson } from '../wire/json.ts';
import { difference, paths } from './field-set.ts';
import { type TrackOptions, versioned } from './track-update.ts';
import { compare, toFieldSet, validate } from './typed.ts';
import { field, isObject } from './values.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** All annotations of an object together may not be longer, in bytes. */
const maxAnnotationsBytes = 256 * 1024;

/** Paths (steps joined by NUL) that the annotation shows to be kubectl's; empty when it tells nothing. */
export function allowedConflicts(options: TrackOptions, live: JsonObject): string[] {
  const lastApplied = readLastApplied(live);
  if (lastApplied === undefined) return [];
  try {
    const manifest = parseJson(lastApplied).value;
    if (!isObject(manifest) || manifest['apiVersion'] !== options.apiVersion) return [];
    const { shape } = versioned(live, options);
    validate(shape, live);
    validate(shape, manifest);
    const { added, modified, removed } = compare(shape, manifest, live);
    const unchanged = [modified, added, removed].reduce(difference, toFieldSet(shape, manifest));
    return paths(unchanged).map((path) => path.join('\0'));
  } catch {
    // Anything unreadable proves nothing.
    return [];
  }
}

/** Keeps an annotation that is there in step with what was applied, so that clients can go back. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  if (readLastApplied(object) === undefined) return object;
  const metadata = mapOf(object['metadata']);
  const manifest = `${stringifyJson(withoutAnnotation(applied), { sortKeys: true })}\n`;
  const others = { ...mapOf(metadata['annotations']) };
  delete others[annotation];
  const written = { ...others, [annotation]: manifest };
  const annotations = byteLength(written) > maxAnnotationsBytes ? others : written;
  return { ...object, metadata: { ...metadata, annotations } };
}

function readLastApplied(object: JsonObject): string | undefined {
  const annotations = mapOf(mapOf(object['metadata'])['annotations']);
  const value = field(annotations, annotation);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const metadata = mapOf(applied['metadata']);
  if (!isObject(metadata['annotations'])) return applied;
  const annotations = { ...metadata['annotations'] };
  delete annotations[annotation];
  return { ...applied, metadata: { ...metadata, annotations } };
}

function mapOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? { ...value } : {};
}

function byteLength(annotations: JsonObject): number {
  return Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
}
