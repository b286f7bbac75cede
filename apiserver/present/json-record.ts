/** Reading objects whose shape nobody has checked: what is missing or of another type reads as absent. */
import { isObject } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';

export type JsonRecord = Readonly<Record<string, JsonValue | undefined>>;

/** The value as an object; an empty one if it is none. */
export function record(value: JsonValue | undefined): JsonRecord {
  return isRecord(value) ? value : {};
}

/** Whether the value is an object, not null and not a list. */
export function isRecord(value: JsonValue | undefined): value is JsonRecord {
  return isObject(value);
}

/** The objects of a list. */
export function records(value: JsonValue | undefined): readonly JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The value as text, empty if it is none. */
export function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The value as a number, 0 if it is none. */
export function count(value: JsonValue | undefined): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}
