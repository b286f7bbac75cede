/** What every write passes through between its decoding and its commit. */

import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, type FieldError, invalid, type StatusError } from '../../api/status.ts';
import type { PartStrategy } from '../kinds/strategy.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { invalidValue } from '../schema/field-error.ts';
import {
  applyDefaults,
  blocksRules,
  coerceMeta,
  prune,
  setDefaults,
  validate,
  validateObjectMeta,
  validateObjectMetaUpdate,
  validateRules,
  withUncheckedRules,
} from '../schema/index.ts';
import { metadataOf, metaString } from '../storage/cached.ts';
import { Alike, named, textOf } from './alike.ts';
import type { DecodedBody } from './body.ts';
import { cannotHandle, type ErrorOf, undecodable } from './decode-errors.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { didYouMean } from './did-you-mean.ts';
import { ignoredFieldWarnings } from './ignored-fields.ts';
import type { FieldValidation } from './options.ts';
import { inPlainWords } from './plain-words.ts';

export interface ShapeOptions {
  /** What a strict complaint becomes; 400 by default. */
  readonly errorOf?: ErrorOf;
  /** Nulls that the schema does not allow are left for validation to refuse (apply). */
  readonly keepNulls?: boolean;
}

/**
 * Prunes and defaults `body.object` in place. Unknown and doubled fields are an error (Strict), a
 * warning (Warn) or nothing (Ignore).
 */
export function shape(
  request: KindRequest,
  body: DecodedBody,
  validation: FieldValidation,
  options: ShapeOptions = {},
): void {
  const { kind } = request;
  const { unknown, error } = coerceMeta(body.object, kind.schema);
  if (error !== undefined) throw wrongMetadata(kind, error);
  const dropped = [...prune(body.object, kind.schema), ...unknown].sort();
  const complaints = [
    ...body.duplicates.map((path) => `duplicate field "${path}"`),
    ...dropped.map((path) => `unknown field "${path}"`),
  ];
  const told = [
    ...body.duplicates.map((path) => `duplicate field "${path}"`),
    ...dropped.map((path) => `unknown field "${path}"${didYouMean(path, kind.schema)}`),
  ];
  if (validation === 'Strict' && complaints.length > 0)
    throw (options.errorOf ?? cannotHandle(kind))(`strict decoding error: ${told.join(', ')}`);
  if (validation === 'Warn') request.warnings.push(...complaints);
  if (options.keepNulls === true) setDefaults(body.object, kind.schema);
  else applyDefaults(body.object, kind.schema);
  if (kind.deprecationWarning !== undefined) request.warnings.push(kind.deprecationWarning);
}

const shapes = new Alike<JsonObject>();

/** What `shape` makes of a new object, all of which is the caller's own. */
export function shaped(
  request: KindRequest,
  body: DecodedBody,
  validation: FieldValidation,
): JsonObject {
  const { kind, warnings } = request;
  const { object, duplicates } = body;
  // Where unknown fields are dropped in silence nothing is learnt about them.
  const isPlain = duplicates.length === 0 && validation !== 'Ignore';
  const text = isPlain ? textOf(kind, object, 'sent') : undefined;
  const known = shapes.get(kind, text);
  if (known !== undefined) return named(known, metaString(object, 'name'));
  const warned = warnings.length;
  shape(request, body, validation);
  if (warnings.length === warned) shapes.remember(kind, text, named(object, ''));
  return object;
}

const unchanged = new Alike<true>();

/** Shapes what a plugin of the admission chain has changed; what it added wrongly is dropped. */
export function reshape({ kind }: KindRequest, object: JsonObject): void {
  const text = textOf(kind, object, 'sent');
  if (unchanged.get(kind, text) === true) return;
  reshapeAll(kind, object);
  if (text !== undefined && textOf(kind, object, 'sent') === text)
    unchanged.remember(kind, text, true);
}

function reshapeAll(kind: ServedKind, object: JsonObject): void {
  const { error } = coerceMeta(object, kind.schema);
  if (error !== undefined) throw wrongMetadata(kind, error);
  prune(object, kind.schema);
  applyDefaults(object, kind.schema);
}

/** 400 in upstream's words, which come from Go's decoder. */
function wrongMetadata(kind: ServedKind, { field, message }: FieldError): StatusError {
  const decoder = message.indexOf('json: ');
  const why = decoder < 0 || field !== 'metadata' ? `${field}: ${message}` : message.slice(decoder);
  // Core objects are decoded as a whole, so that the path starts further up.
  const told = kind.builtin ? why.replace('field ObjectMeta.', 'field ObjectMeta.metadata.') : why;
  return cannotHandle(kind)(told);
}

/** The object in the version that is stored; the same one where the request speaks that version. */
export async function toStorage(
  { converter }: VerbDeps,
  { kind, request }: KindRequest,
  object: JsonObject,
): Promise<JsonObject> {
  if (kind.storedAs !== undefined) return kind.storedAs.toStored(object);
  if (kind.version === kind.storageVersion) return object;
  const stored = { ...kind, version: kind.storageVersion, schema: kind.storageSchema };
  const [converted = object] = await converter.convert([object], stored, request.signal);
  return converted;
}

/**
 * Throws 422 with every field that is wrong. `old` is absent on create; `errorOf` makes the answer to what
 * could not even be decoded, 400 by default.
 */
export function check(
  request: KindRequest,
  object: JsonObject,
  old: JsonObject | undefined,
  errorOf?: ErrorOf,
): void {
  const { kind, warnings } = request;
  const text = old === undefined ? textOf(kind, object, 'stored') : undefined;
  if (inOrder.get(kind, text) === true && metaErrors(kind, object, old).length === 0) return;
  const warned = warnings.length;
  const ofSchema = schemaErrors(kind, object, old, errorOf);
  const found: FieldError[] = [...metaErrors(kind, object, old), ...ofSchema];
  // What the schema cannot say is only asked of an object whose shape is in order.
  if (ofSchema.length === 0) found.push(...(kind.strategy.validate?.(object, old) ?? []));
  const errors = withRules(request, found, object, old);
  if (errors.length > 0) throw invalid(kind, metaString(object, 'name'), errors);
  warnings.push(...(kind.strategy.warn?.(object, old) ?? []));
  warnings.push(...ignoredFieldWarnings(object, old, kind.ignoredFields));
  if (warnings.length === warned) inOrder.remember(kind, text, true);
}

const inOrder = new Alike<true>();

/** Throws for fields of a wrong type that preparing the object would replace or drop. */
export function checkTypes(request: KindRequest, object: JsonObject, errorOf?: ErrorOf): void {
  const { kind } = request;
  if (!kind.strategy.typesFirst) return;
  const wrong = schemaErrors(kind, object, undefined, errorOf).filter(
    ({ type, field }) => type === 'FieldValueTypeInvalid' && !field.startsWith('metadata'),
  );
  if (wrong.length > 0) throw invalid(kind, metaString(object, 'name'), wrong);
}

/** What a kind can be scaled by must be a number of replicas, whatever its schema says. */
function replicaErrors({ scale, builtin }: ServedKind, object: JsonObject): FieldError[] {
  if (scale === undefined || builtin) return [];
  return [scale.specReplicasPath, scale.statusReplicasPath].flatMap((path) => {
    const value = at(object, ...path.split('.').slice(1));
    if (typeof value !== 'number' && typeof value !== 'bigint') return [];
    if (value < 0) return [invalidValue(path, value, 'should be a non-negative integer')];
    if (value <= maxReplicas) return [];
    return [invalidValue(path, value, `should be less than or equal to ${maxReplicas}`)];
  });
}

const maxReplicas = 2 ** 31 - 1;

/** The errors with those of the kind's rules in CEL; what was so before is a warning only. */
function withRules(
  { kind, warnings }: KindRequest,
  errors: readonly FieldError[],
  object: JsonObject,
  old: JsonObject | undefined,
): FieldError[] {
  if (blocksRules(errors)) return withUncheckedRules(errors, kind.schema);
  const rules = validateRules(object, kind.schema, { old });
  for (const { field, message } of rules.ratcheted) warnings.push(`${field}: ${message}`);
  return [...errors, ...rules.errors];
}

function schemaErrors(
  kind: ServedKind,
  object: JsonObject,
  old: JsonObject | undefined,
  errorOf: ErrorOf = cannotHandle(kind),
) {
  // Core kinds have no ratcheting upstream; their schemas never change.
  const ratchets = old !== undefined && !kind.builtin;
  const errors = [
    ...validate(object, kind.schema, ratchets ? { old } : {}),
    ...replicaErrors(kind, object),
  ];
  const unread = kind.builtin ? undecodable(errors) : undefined;
  if (unread !== undefined) throw errorOf(unread);
  const told = kind.strategy.plainWords ? inPlainWords(errors) : errors;
  return kind.strategy.rename?.(told, object) ?? told;
}

function metaErrors(
  kind: ServedKind,
  object: JsonObject,
  old: JsonObject | undefined,
): FieldError[] {
  const { namespaced, strategy } = kind;
  const builtin = strategy.qualifiedFinalizers;
  if (old !== undefined)
    return twice(validateObjectMetaUpdate(metadataOf(object), metadataOf(old), { builtin }));
  const { nameRule } = strategy;
  return validateObjectMeta(metadataOf(object), { namespaced, nameRule, builtin });
}

/** Upstream judges new metadata in general and again for the kind: each cause is told twice. */
function twice(errors: readonly FieldError[]): FieldError[] {
  return [...errors, ...errors];
}

/** The checks of a write through `/status`. */
export function checkStatus(
  request: KindRequest,
  object: JsonObject,
  old: JsonObject,
  errorOf?: ErrorOf,
): void {
  const { kind } = request;
  const found = [
    ...metaErrors(kind, object, old),
    ...schemaErrors(kind, object, old, errorOf),
    ...(kind.strategy.validateStatus?.(object, old) ?? []),
  ];
  const errors = withRules(request, found, object, old);
  if (errors.length > 0) throw invalid(kind, metaString(object, 'name'), errors);
}

/** The checks of a write through one of the strategy's parts. */
export function checkPart(
  request: KindRequest,
  object: JsonObject,
  old: JsonObject,
  part: PartStrategy,
): void {
  const { kind } = request;
  const errors = [
    ...metaErrors(kind, object, old),
    ...schemaErrors(kind, object, old),
    ...part.validate(object, old),
  ];
  if (errors.length > 0) throw invalid(kind, metaString(object, 'name'), errors);
  request.warnings.push(...ignoredFieldWarnings(object, old, kind.ignoredFields));
}

/** The body's namespace must be the URL's; the body may leave it out. */
export function settleNamespace(object: JsonObject, request: KindRequest): void {
  const { kind, info } = request;
  const metadata = asObject(object['metadata']) ?? {};
  object['metadata'] = metadata;
  const given = asString(metadata['namespace']);
  if (!kind.namespaced) {
    delete metadata['namespace'];
    if (given !== '' && kind.builtin) throw namespaceMismatch();
    return;
  }
  if (info.namespace === '')
    throw badRequest(
      `an empty namespace may not be set during creation of ${kind.plural}: POST to /…/namespaces/<namespace>/${kind.plural}`,
    );
  if (given !== '' && given !== info.namespace) throw namespaceMismatch();
  metadata['namespace'] = info.namespace;
}

function namespaceMismatch(): StatusError {
  return badRequest(
    'the namespace of the provided object does not match the namespace sent on the request',
  );
}

/** Entries of `metadata.ownerReferences` that are the same in every field are kept once. */
export function dedupeOwners(object: JsonObject, warnings: string[]): void {
  const metadata = asObject(object['metadata']);
  const owners = asArray(metadata?.['ownerReferences']);
  if (metadata === undefined || owners.length < 2) return;
  const doubled = new Set<string>();
  const kept = owners.filter((owner, i) => {
    if (!owners.slice(0, i).some((earlier) => equal(earlier, owner))) return true;
    doubled.add(asString(asObject(owner)?.['uid']));
    return false;
  });
  if (doubled.size > 0)
    warnings.push(
      `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...doubled].join(', ')}`,
    );
  metadata['ownerReferences'] = kept;
}
