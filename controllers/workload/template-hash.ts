import { createHash } from 'node:crypto';
import type { JsonValue } from '../../api/meta.ts';

/** Kubernetes' safe alphabet: no vowels, no look-alikes. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Letters of a template hash in names and labels. */
const templateHashLength = 8;

/** The same for templates that say the same, in whatever order of fields. */
export function templateHash(template: unknown): string {
  return safeHash(canonicalJson(template), templateHashLength);
}

/** `length` letters that depend on `text` only. */
export function safeHash(text: string, length: number): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, length);
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}

/** JSON with sorted fields and without absent ones. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_field, part: JsonValue) => {
    if (typeof part === 'bigint') return String(part);
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
