/**
 * What a kind does beyond its schema. The pipeline knows no kind by name: it calls these hooks, and the
 * registry finds them by `plural.group`. Every hook is pure but for the context it is handed.
 */
import type { JsonObject, ObjectKey } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import type { UserInfo } from '../request/request.ts';

export interface StrategyContext {
  readonly user: UserInfo;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  readonly dryRun: boolean;
}

/** How a name of this kind may look. */
export type NameRule = 'subdomain' | 'label' | 'path';

/** What a delete request does to an object without finalizers. */
export type Deletion =
  /** Removed at once. */
  | { readonly type: 'now' }
  /** Stays with a deletion timestamp until somebody deletes with grace 0 or finalizes. */
  | { readonly type: 'graceful'; readonly seconds: number };

/** A subresource through which one part of the stored object is written. */
export interface PartStrategy {
  /** The stored object with that part, and nothing else, taken from what was sent. */
  take(wanted: JsonObject, old: JsonObject): JsonObject;
  validate(object: JsonObject, old: JsonObject): readonly FieldError[];
}

export interface Strategy {
  readonly nameRule: NameRule;
  /** PUT of an absent object creates it. */
  readonly createOnUpdate: boolean;
  /** PUT without resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  /** Whether `metadata.generation` exists for this kind. */
  readonly generation: boolean;
  /** DELETE answers with the object rather than with a Status. */
  readonly returnsDeleted: boolean;
  /** Schema errors are put into better words than the validator's own, which custom kinds keep. */
  readonly plainWords: boolean;
  /** Whether preparing replaces or drops fields, so that a wrong type must be found before it. */
  readonly typesFirst: boolean;
  /** Many of them come from one template: what is found out about one is remembered for the next. Default false. */
  readonly alike?: boolean;
  /** `deletecollection` is not served when false. */
  readonly deleteCollection: boolean;
  /** Finalizers must be qualified names; unqualified ones are an error. */
  readonly qualifiedFinalizers: boolean;
  /** Selectable besides metadata.name and metadata.namespace: field → value. */
  readonly selectableFields: Readonly<Record<string, (object: JsonObject) => string>>;

  /** By the subresource's name. */
  readonly parts?: Readonly<Record<string, PartStrategy>>;
  /** Changes the decoded object of a create request in place: dynamic defaults, dropped fields. */
  prepareForCreate?(object: JsonObject, context: StrategyContext): void;
  /** The same for update; `old` is the stored object. */
  prepareForUpdate?(object: JsonObject, old: JsonObject, context: StrategyContext): void;
  /** Texts for the `Warning` header of a write that is otherwise in order. */
  warn?(object: JsonObject, old: JsonObject | undefined): readonly string[];
  /**
   * Whether the server has added its own part to a new object; its creation is answered when it has.
   * Absent = there is none.
   */
  settled?(object: JsonObject): boolean;
  /** What the schema cannot say. `old` is absent on create. */
  validate?(object: JsonObject, old: JsonObject | undefined): readonly FieldError[];
  /** The schema's errors under the names by which upstream tells them. */
  rename?(errors: readonly FieldError[], object: JsonObject): FieldError[];
  /** Fills in what follows from the rest of a status, in place. */
  defaultStatus?(status: JsonObject): void;
  /** Like `validate`, for writes through `/status`. */
  validateStatus?(object: JsonObject, old: JsonObject): readonly FieldError[];
  /** Throws when this object may not be deleted at all. */
  checkDelete?(key: ObjectKey): void;
  /** How it goes away; `graceSeconds` is what the client asked for. */
  deletion?(object: JsonObject, graceSeconds: number | undefined): Deletion;
  /** A deleted object without finalizers that still must stay (a Namespace with `spec.finalizers`). */
  retained?(object: JsonObject): boolean;
  /** Changes what is stored when deletion begins (phase Terminating). */
  beginDeletion?(object: JsonObject, nowMs: number): void;
}

/** Kinds without anything special. */
export const plainStrategy: Strategy = {
  nameRule: 'subdomain',
  createOnUpdate: false,
  unconditionalUpdate: true,
  generation: false,
  returnsDeleted: false,
  plainWords: true,
  typesFirst: false,
  deleteCollection: true,
  qualifiedFinalizers: true,
  selectableFields: {},
};

/** Kinds from CustomResourceDefinitions. */
export const customStrategy: Strategy = {
  ...plainStrategy,
  unconditionalUpdate: false,
  qualifiedFinalizers: false,
  plainWords: false,
  generation: true,
};
