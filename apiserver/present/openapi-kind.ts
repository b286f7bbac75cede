/** What an OpenAPI document is told of a kind. */
import type { Schema } from '../../api/schema.ts';

export interface OpenApiSubresource {
  readonly name: string;
  readonly kind: string;
  /** Absent = those of the kind. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  /** Of the body; absent = that of the kind, or of Scale. */
  readonly schema?: Schema;
}

/** One kind in one version. */
export interface OpenApiKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Compiled in: named parts and strategic merge patch. */
  readonly builtin: boolean;
  readonly verbs: readonly string[];
  readonly schema: Schema;
  readonly subresources: readonly OpenApiSubresource[];
  /** `.spec.color` */
  readonly selectableJsonPaths: readonly string[];
}
