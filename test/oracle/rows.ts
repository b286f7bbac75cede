/** Files of recorded cases of Eru: what a row is about is told by its form; fields that nobody knows are passed over. */
import { type AffinityRow, judgeAffinity, judgePlans, type Pieces, type PlansRow } from './cpu.ts';
import { judgeStrategy, type RowNode, type StrategyRow } from './strategies.ts';

/** Thrown for a file that is no list of rows. */
export class RowsError extends Error {
  override readonly name = 'RowsError';
}

type Fields = Readonly<Record<string, unknown>>;

/** The rows of a file's text, which may be one without a list; throws `RowsError`. */
export function readRows(text: string): readonly unknown[] {
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (error) {
    throw new RowsError(`it is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (isFields(rows) && ('strategy' in rows || 'available' in rows)) return [rows];
  if (!Array.isArray(rows)) throw new RowsError('it is no list of rows');
  return rows;
}

/** What is wrong with our answer to a row, or with the row; empty when all is right. */
export function judge(row: unknown): readonly string[] {
  if (!isFields(row)) return ['a row that is no object'];
  try {
    if ('strategy' in row) return judgeStrategy(strategyRow(row));
    if ('origin' in row) return judgeAffinity(affinityRow(row));
    if ('available' in row) return judgePlans(plansRow(row));
  } catch (error) {
    if (error instanceof RowsError) return [error.message];
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  return ['a row of no known form: it has neither "strategy" nor "available"'];
}

function plansRow(row: Fields): PlansRow {
  const { plans, ...given } = row;
  if (isAbsent(plans)) return common(given);
  if (!Array.isArray(plans)) throw new RowsError('plans is no list');
  return { ...common(given), plans: plans.map((plan, i) => pieces(plan, `plans[${i}]`)) };
}

function affinityRow({ origin, chosen, ...row }: Fields): AffinityRow {
  const known = { ...common(row), origin: pieces(origin, 'origin') };
  return isAbsent(chosen) ? known : { ...known, chosen: pieces(chosen, 'chosen') };
}

function common(row: Fields) {
  return {
    available: pieces(row['available'], 'available'),
    request: number(row, 'request'),
    maxshare: number(row, 'maxshare', -1),
    // Where Eru did not come back there is none.
    count: number(row, 'count', 0),
    ...errorOf(row),
  };
}

function strategyRow(row: Fields): StrategyRow {
  const { strategy, nodes, deploy, final_sorted: finals, total } = row;
  if (typeof strategy !== 'string') throw new RowsError('strategy is no text');
  if (!isAbsent(nodes) && !Array.isArray(nodes)) throw new RowsError('nodes is no list');
  if (!isAbsent(finals) && !Array.isArray(finals)) throw new RowsError('final_sorted is no list');
  return {
    strategy,
    nodes: (nodes ?? []).map(rowNode),
    need: number(row, 'need'),
    limit: number(row, 'limit', 0),
    ...(isAbsent(total) ? {} : { total: number(row, 'total') }),
    ...(isAbsent(deploy) ? {} : { deploy: pieces(deploy, 'deploy') }),
    ...(isAbsent(finals) ? {} : { final_sorted: finals.map(Number) }),
    ...errorOf(row),
  };
}

function rowNode(node: unknown, i: number): RowNode {
  if (!isFields(node)) throw new RowsError(`nodes[${i}] is no object`);
  return {
    Nodename: String(node['Nodename'] ?? ''),
    Capacity: number(node, 'Capacity', 0),
    Count: number(node, 'Count', 0),
    Usage: number(node, 'Usage', 0),
    Rate: number(node, 'Rate', 0),
  };
}

/** An empty text is how Go writes that there was none. */
function errorOf({ error }: Fields): { readonly error?: string } {
  return isAbsent(error) || error === '' ? {} : { error: String(error) };
}

/** Numbers by name; nothing at all is as good as an empty one. */
function pieces(value: unknown, field: string): Pieces {
  if (isAbsent(value)) return {};
  if (!isFields(value) || Array.isArray(value)) throw new RowsError(`${field} is no object`);
  return Object.fromEntries(Object.keys(value).map((name) => [name, number(value, name)]));
}

function number(row: Fields, field: string, otherwise?: number): number {
  const value = row[field] ?? otherwise;
  if (typeof value === 'number') return value;
  throw new RowsError(`${field} is no number`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}
