/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are merged by a key.
 * Source: Kubernetes apimachinery v0.32, `pkg/util/strategicpatch/patch.go`.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { badRequest, invalid, StatusError } from '../../api/status.ts';
import { detach, goTypeOf, isArray, isObject } from './detach.ts';
import { goValue } from './go-value.ts';
import { directive, takeDirectives, withoutDirectives } from './strategic-directives.ts';
import { checkOrderList, orderMerged, sameElement } from './strategic-order.ts';

/** The patched object, sharing nothing with either input. `schema` is that of the whole kind. */
export function applyStrategicPatch(
  current: JsonObject,
  patch: JsonValue,
  schema: Schema,
): JsonObject {
  if (!isObject(patch)) {
    const type = goTypeOf(patch);
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return detach(new Merge(patch).object(current, patch, schema));
}

/** How a field is patched, from its schema. */
interface FieldMeta {
  /** Of the field itself. */
  readonly schema: Schema;
  readonly strategy: string;
  readonly mergeKey: string;
}

/** A merged list. */
interface MergedList {
  readonly items: readonly JsonValue[];
  /**
   * The server's order as the next step sees it. Upstream edits the old list in place, so what is
   * added takes the places of what was deleted; clients see the order that comes of it.
   */
  readonly served: readonly JsonValue[];
}

class Merge {
  /** As it came; some errors show it. */
  readonly #whole: JsonObject;

  constructor(whole: JsonObject) {
    this.#whole = whole;
  }

  object(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
    const marker = patch[directive];
    if (marker !== undefined) return replaceOrDelete(marker, patch);
    const { fields, retainKeys, orders, deletions } = takeDirectives(patch);
    const merged: JsonObject = retainKeys === undefined ? { ...original } : {};
    for (const key of retainKeys ?? []) {
      if (Object.hasOwn(original, key)) merged[key] = original[key];
    }
    const ordered = new Set<string>();
    for (const [key, order] of orders) {
      ordered.add(key);
      this.#ordered(merged, key, own(fields, key), order, fieldMeta(schema, key));
    }
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined || ordered.has(key)) continue;
      this.#field(merged, key, value, schema);
    }
    for (const [key, items] of deletions) {
      const present = own(merged, key);
      if (!isArray(present)) continue;
      if (!isArray(items)) throw typeMismatch(items, '[]interface {}');
      const meta = fieldMeta(schema, key);
      merged[key] = this.#primitives(present, items, meta, true);
    }
    return merged;
  }

  #field(merged: JsonObject, key: string, value: JsonValue, schema: Schema): void {
    if (value === null) {
      delete merged[key];
      return;
    }
    const meta = fieldMeta(schema, key);
    this.#checkKind(value, meta);
    const present = own(merged, key);
    if (isObject(present) && isObject(value)) {
      merged[key] = meta.strategy === 'replace' ? value : this.object(present, value, meta.schema);
    } else if (isArray(present) && isArray(value)) {
      merged[key] = this.#list(present, value, meta).items;
    } else {
      const kept = withoutDirectives(value);
      if (kept !== undefined) merged[key] = kept;
    }
  }

  /** A field that came with `$setElementOrder`. */
  #ordered(
    object: JsonObject,
    key: string,
    patch: JsonValue | undefined,
    order: JsonValue,
    meta: FieldMeta,
  ): void {
    const present = own(object, key);
    if (patch === null) {
      delete object[key];
      return;
    }
    if (!isArray(order)) throw typeMismatch(order, '[]interface {}');
    if (present !== undefined && !isArray(present)) throw typeMismatch(present, '[]interface {}');
    if (patch !== undefined) this.#checkKind(patch, meta);
    if (patch !== undefined && !isArray(patch)) throw typeMismatch(patch, '[]interface {}');
    if (present === undefined && patch === undefined) return;
    checkOrderList(patch ?? [], order, meta.mergeKey);
    let merged: MergedList = { items: present ?? [], served: present ?? [] };
    if (patch !== undefined) {
      const added = present === undefined ? withoutDirectives(patch) : undefined;
      if (isArray(added)) merged = { items: added, served: [] };
      else merged = this.#list(merged.items, patch, meta);
    }
    object[key] = orderMerged(merged.items, order, merged.served, meta.mergeKey);
  }

  #list(present: readonly JsonValue[], patch: readonly JsonValue[], meta: FieldMeta): MergedList {
    if (meta.strategy !== 'merge') return { items: patch, served: present };
    if (present.length === 0 && patch.length === 0) return { items: present, served: present };
    if (!areObjects([...present, ...patch])) {
      return { items: this.#primitives(present, patch, meta, false), served: present };
    }
    if (meta.mergeKey === '') {
      throw internal(`cannot merge lists without merge key for ${meta.schema.title ?? ''}`);
    }
    const { remaining, additions } = this.#special(present, patch, meta.mergeKey);
    const items = [...remaining];
    const places = new Map<string | undefined, number>();
    for (const [i, item] of remaining.entries()) {
      const key = keyText(item, meta.mergeKey);
      if (!places.has(key)) places.set(key, i);
    }
    for (const addition of additions) {
      const key = requireKey(addition, meta.mergeKey);
      const place = places.get(key);
      const found = place === undefined ? undefined : items[place];
      if (place !== undefined && isObject(found)) {
        items[place] = this.object(found, addition, meta.schema.items ?? {});
      } else {
        const kept = withoutDirectives(addition);
        if (kept !== undefined) places.set(key, items.push(kept) - 1);
      }
    }
    const served = items.slice(0, present.length);
    return { items: orderMerged(items, additions, remaining, meta.mergeKey), served };
  }

  /** Carries out `$patch: delete` and `$patch: replace` among the items. */
  #special(present: readonly JsonValue[], patch: readonly JsonValue[], mergeKey: string) {
    let remaining: readonly JsonValue[] = present;
    const additions: JsonObject[] = [];
    let replace = false;
    for (const item of patch) {
      if (!isObject(item)) throw noMergeKey(item, mergeKey);
      const marker = item[directive];
      if (marker === undefined) additions.push(item);
      else if (marker === 'replace') replace = true;
      else if (marker === 'delete') {
        const key = requireKey(item, mergeKey);
        remaining = remaining.filter((other) => keyText(other, mergeKey) !== key);
      } else if (marker === 'merge') {
        throw internal('merging lists cannot yet be specified in the patch');
      } else throw badDirective(marker, item);
    }
    return { remaining: replace ? [] : remaining, additions };
  }

  #primitives(
    present: readonly JsonValue[],
    patch: readonly JsonValue[],
    meta: FieldMeta,
    remove: boolean,
  ): readonly JsonValue[] {
    if ([...present, ...patch].some((item) => typeof item === 'object')) {
      throw internal('list element types are not identical');
    }
    if (remove) {
      const gone = new Set(patch.map(sameElement));
      return present.filter((item) => !gone.has(sameElement(item)));
    }
    const seen = new Set<string>();
    const both = [...present, ...patch].filter((item) => {
      const key = sameElement(item);
      return seen.has(key) ? false : seen.add(key);
    });
    return orderMerged(both, patch, present, meta.mergeKey);
  }

  /**
   * Upstream finds wrong types when it turns the result into the Go type; lists and objects matter
   * here.
   */
  #checkKind(value: JsonValue, { schema }: FieldMeta): void {
    const wanted = schema.type;
    const wrong =
      wanted === 'array'
        ? !isArray(value) && 'slice from '
        : wanted === 'object' && !isObject(value)
          ? schema.properties === undefined
            ? 'map from '
            : 'struct from: '
          : false;
    if (wrong === false) return;
    const message = `Invalid value: "${goValue(this.#whole)}": cannot restore ${wrong}${kindOf(value)}`;
    throw invalid({ group: '', kind: '' }, '', [
      { field: 'patch', type: 'FieldValueInvalid', message },
    ]);
  }
}

function fieldMeta(schema: Schema, key: string): FieldMeta {
  const { properties, additionalProperties } = schema;
  const known = properties !== undefined && Object.hasOwn(properties, key) && properties[key];
  const additional = typeof additionalProperties === 'object' ? additionalProperties : {};
  const field = known || additional;
  const strategies = (field['x-kubernetes-patch-strategy'] ?? '').split(',');
  return {
    schema: field,
    // `retainKeys` needs no word of its own: its directive works wherever it is sent.
    strategy: strategies.find((strategy) => strategy !== 'retainKeys') ?? '',
    mergeKey: field['x-kubernetes-patch-merge-key'] ?? '',
  };
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function replaceOrDelete(marker: JsonValue, patch: JsonObject): JsonObject {
  if (marker === 'delete') return {};
  if (marker !== 'replace') throw badDirective(marker, patch);
  return Object.fromEntries(Object.entries(patch).filter(([key]) => key !== directive));
}

function areObjects(items: readonly JsonValue[]): boolean {
  const objects = items.filter(isObject).length;
  if (items.some(isArray)) throw unprocessableList();
  if (objects !== 0 && objects !== items.length) {
    throw internal('list element types are not identical');
  }
  return objects > 0;
}

function keyText(item: JsonValue, mergeKey: string): string | undefined {
  const key = isObject(item) ? own(item, mergeKey) : undefined;
  return key === undefined ? undefined : sameElement(key);
}

function requireKey(item: JsonObject, mergeKey: string): string {
  const key = keyText(item, mergeKey);
  if (key === undefined) throw noMergeKey(item, mergeKey);
  return key;
}

function noMergeKey(item: JsonValue, mergeKey: string): StatusError {
  return internal(`map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`);
}

function badDirective(marker: JsonValue, patch: JsonValue): StatusError {
  return internal(`unknown patch type: ${goValue(marker)} in map: ${goValue(patch)}`);
}

function typeMismatch(value: JsonValue, wanted: string): StatusError {
  return internal(`expected a ${wanted}, but received a ${kindOf(value)}`);
}

function unprocessableList(): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError(422, 'Invalid', message, {}, { cause: new Error('lists of lists') });
}

/** Upstream has no better code for these than 500, and clients see the bare message. */
function internal(message: string): StatusError {
  return new StatusError(500, '', message);
}

function kindOf(value: JsonValue): string {
  if (isArray(value)) return 'slice';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int64';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'object':
      return value === null ? 'interface' : 'map';
    default:
      return typeof value;
  }
}
