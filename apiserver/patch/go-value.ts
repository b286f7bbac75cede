import type { JsonValue } from '../../api/meta.ts';
import { isArray } from './detach.ts';

/**
 * A value as Go's `%v` shows it, `map[a:1 b:[x y]]`; some of upstream's messages quote values so.
 */
export function goValue(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '<nil>';
  if (isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const fields = Object.keys(value).sort();
  return `map[${fields.map((key) => `${key}:${goValue(value[key])}`).join(' ')}]`;
}
