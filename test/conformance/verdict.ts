/** What a row of a table turns out to be, and the small words that adapters of tables share. */
import { equal } from '../../api/json.ts';
import type { Json } from './json-path.ts';

export type Verdict =
  | { readonly type: 'passed' }
  | { readonly type: 'failed'; readonly what: string; readonly why: string }
  | { readonly type: 'left out'; readonly why: string };

/** One row of a table makes as many verdicts as it makes statements. */
export type Table = (row: Json) => readonly Verdict[];

export type Tables = Readonly<Record<string, Table>>;

export const passed: Verdict = { type: 'passed' };

export function failed(what: string, why: string): Verdict {
  return { type: 'failed', what, why };
}

export function leftOut(why: string): Verdict {
  return { type: 'left out', why };
}

/** Passed if both are the same value. */
export function is(got: Json, want: Json, what: string): Verdict {
  const [left, right] = [plain(got), plain(want)];
  return equal(left, right) ? passed : failed(what, `${show(left)}, not ${show(right)}`);
}

/** Numbers compare by value, however they were read. */
export function plain(value: Json): Json {
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

export function show(value: Json): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each));
}

export function succeeds(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

/** The message of what `run` throws; `undefined` when it does not. */
export function errorOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Run = (row: Json, key: Json) => Verdict | readonly Verdict[];

/** A table whose rows name the Go test that they were written down from. */
export function byTest(tests: Readonly<Record<string, Run>>): Table {
  return ({ test, case: row, key }: Json) => {
    const name = String(test).split('/')[0] ?? '';
    const run = tests[name];
    if (run === undefined) return [leftOut(`${name}: nothing here answers it`)];
    return guarded(row, () => run(row, key));
  };
}

/** What a row says, or that it broke. */
export function guarded(row: Json, run: () => Verdict | readonly Verdict[]): readonly Verdict[] {
  try {
    const verdicts = run();
    return 'type' in verdicts ? [verdicts] : verdicts;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [failed(show(row ?? null).slice(0, 120), why)];
  }
}
