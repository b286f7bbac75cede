/**
 * Runs upstream's own test tables against our pure functions and ends with `N passed, M failed`.
 * Run: npm run conformance:tables -- <folder> [--only NAME]. Tables without a function of ours, and rows
 * that need what a table cannot tell, are listed with their reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseJson } from '../../apiserver/wire/json.ts';
import type { Json } from './json-path.ts';
import { celTables } from './tables-cel.ts';
import { crdTables } from './tables-crd.ts';
import { metaTables } from './tables-meta.ts';
import { pureTables } from './tables-pure.ts';
import { quantityTables } from './tables-quantities.ts';
import { rbacTables } from './tables-rbac.ts';
import { requestTables } from './tables-requests.ts';
import { schemaTables } from './tables-schema.ts';
import { selectorTables } from './tables-selectors.ts';
import { smdTables } from './tables-smd.ts';
import { smdTypedTables } from './tables-smd-typed.ts';
import { strategicTables } from './tables-strategic.ts';
import type { Table, Tables, Verdict } from './verdict.ts';

const families: readonly Tables[] = [
  celTables,
  pureTables,
  smdTables,
  smdTypedTables,
  strategicTables,
  crdTables,
  metaTables,
  quantityTables,
  rbacTables,
  requestTables,
  schemaTables,
  selectorTables,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('usage: npm run conformance:tables -- <folder> [--only NAME]');
  process.exit(2);
}
const tables: Tables = Object.assign({}, ...families);
let passed = 0;
let failed = 0;
for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.json') || name === 'index.json' || !name.includes(values.only)) continue;
  const table = tables[name.replace(/\.json$/, '')];
  if (table === undefined) console.log(`- left out: ${name}: no pure function of ours answers it`);
  else run(name, table, join(folder, name));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function run(name: string, table: Table, path: string): void {
  const rows = parseJson(readFileSync(path)).value as Json;
  const verdicts: readonly Verdict[] = rows.flatMap(table);
  const count = (type: Verdict['type']) => verdicts.filter((each) => each.type === type).length;
  passed += count('passed');
  failed += count('failed');
  console.log(`${name}: ${count('passed')} passed, ${count('failed')} failed`);
  for (const verdict of verdicts)
    if (verdict.type === 'failed') console.log(`  ✗ ${verdict.what}: ${verdict.why}`);
  const reasons = new Map<string, number>();
  for (const verdict of verdicts)
    if (verdict.type === 'left out') reasons.set(verdict.why, (reasons.get(verdict.why) ?? 0) + 1);
  for (const [why, rows] of reasons) console.log(`  - left out: ${rows}: ${why}`);
}
