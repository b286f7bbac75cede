/**
 * The form of a new object: all that its owners depend on, as one text. Thousands of objects of one template have the same
 * form, and their fields are worked out once.
 */
import type { JsonObject, JsonValue, ManagedFieldsEntry } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { isList, isObject } from './values.ts';

/** Forms that are remembered of one schema; then it starts over. */
const maxForms = 256;
/** Longer ones are rarely met twice. */
const maxFormLength = 16_384;

interface Remembered {
  readonly resetFields: object | undefined;
  readonly entries: readonly ManagedFieldsEntry[];
}

const known = new WeakMap<Schema, Map<string, Remembered>>();

export interface NewObject {
  readonly next: JsonObject;
  readonly schema: Schema;
  readonly manager: string;
  readonly apiVersion: string;
  readonly builtin?: boolean | undefined;
  readonly resetFields?: object | undefined;
  readonly now: string;
}

/** The entries of an object that is new and has no owners yet; they are shared, and not to be changed. */
export function rememberedEntries(
  created: NewObject,
  entriesOf: () => readonly ManagedFieldsEntry[],
): ManagedFieldsEntry[] {
  const { next, schema, manager, apiVersion, builtin, resetFields, now } = created;
  const form = `${JSON.stringify([manager, apiVersion, builtin === true])}${formOf(next)}`;
  const forms = known.get(schema) ?? new Map<string, Remembered>();
  const before = forms.get(form);
  // It is they, but for the time.
  if (before !== undefined && before.resetFields === resetFields)
    return before.entries.map((entry) => ({ ...entry, time: now }));
  const entries = entriesOf();
  if (form.length <= maxFormLength && entries.every(({ time }) => time === now)) {
    if (forms.size >= maxForms) forms.clear();
    forms.set(form, { resetFields, entries });
    known.set(schema, forms);
  }
  return [...entries];
}

/**
 * Names of fields with the kind of their values, and whether these are zero, which a struct is before it is set. Lists with all
 * that is in them: an item may go by its values.
 */
function formOf(value: JsonValue | undefined): string {
  if (isList(value)) return wholeOf(value);
  if (!isObject(value)) return scalarOf(value);
  let form = '{';
  for (const name of Object.keys(value)) {
    form += `${JSON.stringify(name)}${formOf(value[name])}`;
  }
  return `${form}}`;
}

function scalarOf(value: JsonValue | undefined): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'e' : 's';
    case 'number':
      return value === 0 ? 'z' : 'd';
    case 'bigint':
      return value === 0n ? 'y' : 'i';
    case 'boolean':
      return value ? 't' : 'f';
    default:
      return value === null ? 'n' : 'u';
  }
}

function wholeOf(value: JsonValue | undefined): string {
  if (isList(value)) return `[${value.map(wholeOf).join()}]`;
  if (typeof value === 'bigint') return `${value}n`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'u';
  const fields = Object.keys(value).map(
    (name) => `${JSON.stringify(name)}:${wholeOf(value[name])}`,
  );
  return `{${fields.join()}}`;
}
