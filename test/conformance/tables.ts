/**
 * Runs upstream's own test tables against our pure functions and ends with `N passed, M failed`.
 * Run: npm run conformance:tables -- <folder> [--only NAME]. Folders inside are looked into. What is left
 * out is listed with its reason; `left-out.yaml` keeps them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseJson } from '../../apiserver/wire/json.ts';
import { givenPath } from '../harness/given-path.ts';
import type { Json } from './json-path.ts';
import { fileLeftOut, rowLeftOut } from './left-out.ts';
import { celTables } from './tables-cel.ts';
import { crdTables } from './tables-crd.ts';
import { jsonPathTables } from './tables-jsonpath.ts';
import { managerTables } from './tables-managers.ts';
import { metaTables } from './tables-meta.ts';
import { printTables } from './tables-print.ts';
import { pureTables } from './tables-pure.ts';
import { quantityTables } from './tables-quantities.ts';
import { rbacTables } from './tables-rbac.ts';
import { requestTables } from './tables-requests.ts';
import { schemaTables } from './tables-schema.ts';
import { selectorTables } from './tables-selectors.ts';
import { smdTables } from './tables-smd.ts';
import { smdTypedTables } from './tables-smd-typed.ts';
import { strategicTables } from './tables-strategic.ts';
import { leftOut, type Table, type Tables, type Verdict } from './verdict.ts';

const families: readonly Tables[] = [
  celTables,
  crdTables,
  jsonPathTables,
  managerTables,
  metaTables,
  printTables,
  pureTables,
  quantityTables,
  rbacTables,
  requestTables,
  schemaTables,
  selectorTables,
  smdTables,
  smdTypedTables,
  strategicTables,
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
for (const path of tablesIn(givenPath(folder))) {
  const name = basename(path);
  const file = name.replace(/\.json$/, '');
  const why = fileLeftOut(file);
  const table = tables[file];
  if (why !== undefined) console.log(`- left out: ${name}: ${why}`);
  else if (table === undefined) console.log(`- left out: ${name}: no function of ours answers it`);
  else run(file, table, path);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function tablesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((each) => each.endsWith('.json') && basename(each) !== 'index.json')
    .filter((each) => basename(each).includes(values.only))
    .sort()
    .map((each) => join(path, each));
}

function run(file: string, table: Table, path: string): void {
  const rows = parseJson(readFileSync(path)).value as Json;
  const verdicts: readonly Verdict[] = rows.flatMap((row: Json) => {
    const why = rowLeftOut(file, row);
    return why === undefined ? table(row) : [leftOut(why)];
  });
  const count = (type: Verdict['type']) => verdicts.filter((each) => each.type === type).length;
  passed += count('passed');
  failed += count('failed');
  console.log(`${file}: ${count('passed')} passed, ${count('failed')} failed`);
  for (const verdict of verdicts)
    if (verdict.type === 'failed') console.log(`  ✗ ${verdict.what}: ${verdict.why}`);
  const reasons = new Map<string, number>();
  for (const verdict of verdicts)
    if (verdict.type === 'left out') reasons.set(verdict.why, (reasons.get(verdict.why) ?? 0) + 1);
  for (const [why, rows] of reasons) console.log(`  - left out: ${rows}: ${why}`);
}
