/** JSON patch, RFC 6902, on JSON pointers of RFC 6901. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import { stringifyJson } from '../wire/json.ts';
import { detach, goTypeOf, isArray, isObject, unprocessable } from './detach.ts';

/** A patch with more operations is refused with 413. */
export const maxOperations = 10_000;

/** How much `copy` operations may add in all, in characters of JSON: repeated doubling must end. */
export const maxCopiedLength = 3 * 1024 * 1024;

/**
 * The patched object, sharing nothing with either input. A malformed patch is 400, too many
 * operations are 413, and an operation that cannot be applied is 422.
 */
export function applyJsonPatch(current: JsonObject, patch: JsonValue): JsonObject {
  const patched = applyOperations(current, readOperations(patch));
  if (!isObject(patched)) throw unprocessable('the patched document is not an object');
  return detach(patched);
}

export interface Operation {
  readonly op: string;
  readonly path: string | undefined;
  readonly from: string | undefined;
  /** `undefined` when absent, which is not the same as `null`. */
  readonly value: JsonValue | undefined;
}

/** Checks the shape of a patch document, not whether its operations make sense. */
export function readOperations(patch: JsonValue): readonly Operation[] {
  if (!isArray(patch)) throw undecodable(patch, 'Go value of type []handlers.jsonPatchOp');
  if (patch.length > maxOperations) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }
  return patch.map((item) => {
    if (!isObject(item)) throw undecodable(item, 'Go value of type handlers.jsonPatchOp');
    return {
      op: text(item, 'op') ?? '',
      path: text(item, 'path'),
      from: text(item, 'from'),
      value: Object.hasOwn(item, 'value') ? item['value'] : undefined,
    };
  });
}

/** All operations in order, or the error of the first that fails; works on any document. */
export function applyOperations(document: JsonValue, operations: readonly Operation[]): JsonValue {
  const target = new Target(document);
  for (const operation of operations) target.apply(operation);
  return target.root;
}

function text(item: JsonObject, field: string): string | undefined {
  const value = Object.hasOwn(item, field) ? item[field] : undefined;
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw undecodable(value, `Go struct field jsonPatchOp.${field} of type string`);
}

function undecodable(value: JsonValue, into: string): StatusError {
  return badRequest(`error decoding patch: json: cannot unmarshal ${goTypeOf(value)} into ${into}`);
}

/** The document while operations are applied; copies what it changes, once. */
class Target {
  root: JsonValue;
  readonly #owned = new WeakSet<object>();
  #copiedLength = 0;

  constructor(document: JsonValue) {
    this.root = document;
  }

  apply({ op, path, from, value }: Operation): void {
    if (path === undefined) throw unprocessable(`${op} operation without a path`);
    const tokens = readPointer(path);
    if (op === 'add') this.#add(tokens, given(value, op));
    else if (op === 'remove') this.#remove(tokens);
    else if (op === 'test') this.#test(tokens, given(value, op));
    else if (op === 'move') this.#move(readPointer(given(from, op)), tokens);
    else if (op === 'replace') {
      this.#get(tokens);
      this.#set(tokens, given(value, op));
    } else if (op === 'copy') {
      const copied = this.#get(readPointer(given(from, op)));
      this.#countCopy(copied);
      this.#add(tokens, copied);
    } else throw unprocessable(`unexpected operation: ${op}`);
  }

  #get(tokens: readonly string[]): JsonValue {
    let value: JsonValue | undefined = this.root;
    for (const token of tokens) {
      if (isArray(value)) value = value[existingIndex(token, value.length)];
      else if (isObject(value) && Object.hasOwn(value, token)) value = value[token];
      else throw missing(tokens);
    }
    if (value === undefined) throw missing(tokens);
    return value;
  }

  #test(tokens: readonly string[], expected: JsonValue): void {
    // Upstream's library lets `test` with null pass for a missing field of a present parent.
    const parent = tokens.length > 0 ? this.#get(tokens.slice(0, -1)) : undefined;
    const last = tokens.at(-1);
    const absent = isObject(parent) && last !== undefined && !Object.hasOwn(parent, last);
    const actual = absent ? null : this.#get(tokens);
    if (!isDeepStrictEqual(actual, expected)) {
      throw unprocessable(`testing value ${pointer(tokens)} failed`);
    }
  }

  #move(from: readonly string[], to: readonly string[]): void {
    const value = this.#get(from);
    if (pointer(from) === pointer(to)) return;
    if (pointer(to).startsWith(`${pointer(from)}/`)) {
      throw unprocessable('cannot move a value into itself');
    }
    this.#remove(from);
    this.#add(to, value);
  }

  #add(tokens: readonly string[], value: JsonValue): void {
    const [parent, last] = this.#parent(tokens);
    if (last === undefined) this.root = value;
    else if (Array.isArray(parent)) parent.splice(insertIndex(last, parent.length), 0, value);
    else parent[last] = value;
  }

  #set(tokens: readonly string[], value: JsonValue): void {
    const [parent, last] = this.#parent(tokens);
    if (last === undefined) this.root = value;
    else if (Array.isArray(parent)) parent[existingIndex(last, parent.length)] = value;
    else parent[last] = value;
  }

  #remove(tokens: readonly string[]): void {
    this.#get(tokens);
    const [parent, last] = this.#parent(tokens);
    if (last === undefined) this.root = null;
    else if (Array.isArray(parent)) parent.splice(existingIndex(last, parent.length), 1);
    else delete parent[last];
  }

  /**
   * What holds the last token, made ours to change, and that token; no token for the whole
   * document.
   */
  #parent(tokens: readonly string[]): readonly [JsonObject | JsonValue[], string | undefined] {
    if (tokens.length === 0) return [{}, undefined];
    let holder = this.#own(this.root, tokens);
    this.root = holder;
    for (const token of tokens.slice(0, -1)) {
      if (Array.isArray(holder)) {
        const index = existingIndex(token, holder.length);
        const next = this.#own(holder[index], tokens);
        holder[index] = next;
        holder = next;
      } else {
        const next = this.#own(Object.hasOwn(holder, token) ? holder[token] : undefined, tokens);
        holder[token] = next;
        holder = next;
      }
    }
    return [holder, tokens.at(-1)];
  }

  #own(value: JsonValue | undefined, tokens: readonly string[]): JsonObject | JsonValue[] {
    if (value === null || typeof value !== 'object') throw missing(tokens);
    // Owned values were made below, so they may be written to.
    if (this.#owned.has(value)) return value as JsonObject | JsonValue[];
    const copy: JsonObject | JsonValue[] = isArray(value) ? [...value] : { ...value };
    this.#owned.add(copy);
    return copy;
  }

  #countCopy(value: JsonValue): void {
    // The value now stands in two places, so it may no longer be changed where it is.
    this.#disown(value);
    this.#copiedLength += stringifyJson(value).length;
    if (this.#copiedLength > maxCopiedLength) {
      throw unprocessable(`copies exceed the limit of ${maxCopiedLength} characters`);
    }
  }

  #disown(value: JsonValue | undefined): void {
    if (value === null || typeof value !== 'object') return;
    this.#owned.delete(value);
    for (const item of isArray(value) ? value : Object.values(value)) this.#disown(item);
  }
}

function given<T>(value: T | undefined, op: string): T {
  if (value === undefined) throw unprocessable(`${op} operation without a value or a source`);
  return value;
}

/** The tokens of a JSON pointer; none for the whole document. */
function readPointer(path: string): readonly string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw unprocessable(`"${path}" is no JSON pointer`);
  const tokens = path.slice(1).split('/');
  return tokens.map((token) => {
    const plain = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (plain === '__proto__') throw unprocessable('the field name "__proto__" is not allowed');
    return plain;
  });
}

function pointer(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function existingIndex(token: string, length: number): number {
  const index = readIndex(token, length);
  if (index >= length) throw unprocessable(`array index ${token} is out of bounds`);
  return index;
}

function insertIndex(token: string, length: number): number {
  const index = token === '-' ? length : readIndex(token, length + 1);
  if (index > length) throw unprocessable(`array index ${token} is out of bounds`);
  return index;
}

/** Negative indices count from the end, as in upstream's library; RFC 6902 has none. */
function readIndex(token: string, length: number): number {
  if (!/^(-[1-9][0-9]*|0|[1-9][0-9]*)$/.test(token)) {
    throw unprocessable(`"${token}" is no array index`);
  }
  const index = Number(token);
  if (index >= 0) return index;
  if (index < -length) throw unprocessable(`array index ${token} is out of bounds`);
  return length + index;
}

function missing(tokens: readonly string[]): StatusError {
  return unprocessable(`the path ${pointer(tokens)} does not exist`);
}
