/**
 * Runs recorded cases of Eru against Berth's planners: `npm run oracle:eru -- <file…>`, ends with `N passed, M failed`.
 * A file is a list of rows; each row's form says what it is about.
 */
import { readFileSync } from 'node:fs';
import { type AffinityRow, judgeAffinity, judgePlans, type PlansRow } from './cpu.ts';
import { judgeStrategy, type StrategyRow } from './strategies.ts';

type Row = PlansRow | AffinityRow | StrategyRow;

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error(
    'usage: npm run oracle:eru -- <cpu_plans.json | cpu_affinity.json | strategies.json> …',
  );
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const file of files) {
  for (const [index, row] of rowsOf(file).entries()) {
    const faults = judged(row);
    if (faults.length === 0) passed += 1;
    else {
      failed += 1;
      console.log(`${file} row ${index}: ${faults.join('; ')}\n  ${JSON.stringify(row)}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** What is no list of rows ends the run, with its name. */
function rowsOf(file: string): readonly Row[] {
  try {
    const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // The file's form is documented; a row that has another is told so below.
    if (Array.isArray(rows)) return rows as readonly Row[];
    throw new Error('it is no list of rows');
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  }
}

function judged(row: Row): readonly string[] {
  try {
    if ('strategy' in row) return judgeStrategy(row);
    if ('origin' in row) return judgeAffinity(row);
    if ('available' in row) return judgePlans(row);
    return ['a row of no known form'];
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}
