/** The rows that are left out, as kept in `left-out.yaml`. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Json } from './json-path.ts';

type Reasons = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

const reasons: Reasons = parse(readFileSync(new URL('left-out.yaml', import.meta.url), 'utf8'));

/** Why a whole file is left out. */
export function fileLeftOut(file: string): string | undefined {
  const found = reasons[file];
  return typeof found === 'string' ? found : undefined;
}

/** Why a row is left out: its test as a whole, or the row by its name. */
export function rowLeftOut(file: string, row: Json): string | undefined {
  const found = reasons[file];
  if (found === undefined || typeof found === 'string') return undefined;
  const test = String(row?.test ?? '').split('/')[0] ?? '';
  const name = row?.case?.name ?? row?.case?.Name ?? row?.key;
  return found[test] ?? (name === undefined ? undefined : found[`${test}: ${name}`]);
}
