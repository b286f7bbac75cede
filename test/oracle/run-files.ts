/** Judges files of rows one after the other; ends with `N passed, M failed`. */
import { readFileSync } from 'node:fs';
import { givenPath } from '../harness/given-path.ts';
import { judge, readRows } from './rows.ts';

export interface Output {
  line(text: string): void;
  error(text: string): void;
}

const usage =
  'usage: npm run oracle:eru -- <cpu_plans.json | cpu_affinity.json | strategies.json> …';

/** The exit code: 1 when a row failed, 2 for what cannot be read. */
export function runFiles(files: readonly string[], { line, error }: Output): number {
  if (files.length === 0) {
    error(usage);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  let unread = 0;
  for (const file of files) {
    let rows: readonly unknown[] = [];
    try {
      rows = readRows(readFileSync(givenPath(file), 'utf8'));
    } catch (cause) {
      unread += 1;
      error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    for (const [index, row] of rows.entries()) {
      const faults = judge(row);
      if (faults.length === 0) passed += 1;
      else {
        failed += 1;
        line(`${file} row ${index}: ${faults.join('; ')}\n  ${JSON.stringify(row)}`);
      }
    }
  }
  line(`${passed} passed, ${failed} failed`);
  if (unread > 0) return 2;
  return failed > 0 ? 1 : 0;
}
