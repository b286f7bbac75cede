/** Objects reduced to their metadata, as metadata informers and Tables want them. */
import type { JsonValue } from '../../api/meta.ts';
import type { Conversion } from './accept.ts';
import type { JsonRecord } from './json-record.ts';

export interface ListMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** The object's metadata and nothing else. */
export function partialObject(object: JsonRecord, version: Conversion['version'] = 'v1') {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object['metadata'] ?? {},
  } satisfies Readonly<Record<string, JsonValue>>;
}

/** A list of which every item is a `PartialObjectMetadata`. */
export function partialObjectList(
  objects: readonly JsonRecord[],
  metadata: ListMeta,
  version: Conversion['version'] = 'v1',
) {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { ...metadata },
    items: objects.map((object) => partialObject(object, version)),
  };
}
