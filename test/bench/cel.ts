/** `npm run bench:cel`: how long rules take for what they are charged. One line of JSON for each rule. */

import { BudgetError } from '../../apiserver/cel/evaluate.ts';
import { compile } from '../../apiserver/cel/index.ts';
import { parseType } from '../../apiserver/cel/types.ts';
import { ListValue, type Value } from '../../apiserver/cel/values.ts';

/** What a rule may spend in one evaluation. */
const budget = 1_000_000;

const items = new ListValue(Array.from({ length: 2_000 }, (_, i) => `item-${i}`));
const numbers = new ListValue(Array.from({ length: 2_000 }, (_, i) => BigInt(i)));
const variables: Readonly<Record<string, Value>> = { items, numbers };
const types = new Map([
  ['items', parseType('list(string)')],
  ['numbers', parseType('list(int)')],
]);

const rules = {
  'nested loops': 'numbers.all(a, numbers.all(b, a + b >= 0))',
  'nested loops of comparisons': 'items.all(a, items.exists_one(b, a == b))',
  'loops that build': 'numbers.map(a, numbers.map(b, a * b)).size() > 0',
  strings: 'items.all(a, items.all(b, !(a + b).contains("z")))',
  patterns: 'items.all(a, items.all(b, b.matches("^item-[0-9]+$")))',
} as const;

for (const [name, source] of Object.entries(rules)) {
  const compiled = compile(source, types);
  if (!compiled.ok) throw new Error(compiled.error);
  let spent = 0;
  const startMs = performance.now();
  for (let round = 0; round < 3; round += 1) {
    try {
      spent += compiled.program.evaluate(variables, budget).cost;
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      spent += budget;
    }
  }
  const tookMs = performance.now() - startMs;
  const budgetMs = (tookMs / spent) * budget;
  console.log(JSON.stringify({ name, spent, budgetMs: Number(budgetMs.toFixed(1)) }));
}
