/**
 * Objects that are alike but for their names: thousands of pods come from one template, and what was found out about the first
 * holds for all. Only of built-in kinds whose strategy says that they come so; schemas and strategies are pure, and do not change.
 */
import { asObject, copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { ServedKind } from '../registry/served-kind.ts';

/** Of one kind and stage; then it starts over. */
const maxTexts = 256;
/** Longer ones are rarely met twice. */
const maxTextLength = 16_384;

/** What was found out at one stage of a new object's way. */
export class Alike<T> {
  readonly #known = new WeakMap<ServedKind, Map<string, T>>();

  get(kind: ServedKind, text: string | undefined): T | undefined {
    return text === undefined ? undefined : this.#known.get(kind)?.get(text);
  }

  remember(kind: ServedKind, text: string | undefined, found: T): void {
    if (text === undefined) return;
    const known = this.#known.get(kind) ?? new Map<string, T>();
    if (known.size >= maxTexts) known.clear();
    known.set(text, found);
    this.#known.set(kind, known);
  }
}

/** Fields of the metadata of a new object that are its own; the last two are the server's. */
const ownFields = { sent: ['name'], stored: ['name', 'uid', 'creationTimestamp'] } as const;

/**
 * All of the object but what is its own; `undefined` where that is not worth while, or where the name is no string. What is left
 * out is judged by itself.
 */
export function textOf(
  kind: ServedKind,
  object: JsonObject,
  as: keyof typeof ownFields,
): string | undefined {
  if (!kind.builtin || kind.strategy.alike !== true) return undefined;
  const metadata = asObject(object['metadata']);
  if (metadata === undefined || typeof metadata['name'] !== 'string') return undefined;
  const shared: JsonObject = { ...metadata };
  for (const field of ownFields[as]) if (shared[field] !== undefined) shared[field] = '';
  try {
    const text = JSON.stringify({ ...object, metadata: shared });
    return text.length > maxTextLength ? undefined : text;
  } catch (error) {
    if (error instanceof TypeError) return undefined; // An integer beyond 2^53.
    throw error;
  }
}

/** The object of that name. */
export function named(template: JsonObject, name: string): JsonObject {
  const object = copyOf(template);
  const metadata = asObject(object['metadata']);
  if (metadata !== undefined) metadata['name'] = name;
  return object;
}
