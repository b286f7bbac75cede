import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { soak } from '../faults/runs.ts';
import { eruPlans } from './eru-planner.ts';
import { eruDistribution, type StrategyCase } from './eru-strategies.ts';
import { judge } from './rows.ts';
import { runFiles } from './run-files.ts';

const runs = soak ? 20_000 : 300;
const options = { numRuns: runs, ...(soak ? {} : { seed: 1 }) };
const slowly = { timeout: 600_000 };

const pieces = fc.constantFrom(0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100, 100);
const oversold = fc.constantFrom(0, 30, 50, 100, 100, 130, 150, 200, 230, 300, 400);
const node = fc.oneof(
  fc.array(pieces, { minLength: 1, maxLength: 8 }),
  fc.array(oversold, { minLength: 1, maxLength: 7 }),
  // More than ten, so that names and numbers have different orders.
  fc.array(fc.constantFrom(40, 100), { minLength: 9, maxLength: 13 }),
);
const request = fc.oneof(
  fc.constantFrom(0.1, 0.3, 0.5, 0.7, 1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 3.4),
  fc.integer({ min: 1, max: 420 }).map((n) => n / 100),
);
const named = (list: readonly number[]) => Object.fromEntries(list.map((n, i) => [`${i}`, n]));
/** Names in Eru's order of text, and the pieces of each. */
const asText = (list: readonly number[]) => {
  const names = list.map((_, i) => `${i}`).sort();
  return { names, free: names.map((name) => list[Number(name)] ?? 0) };
};
const truncated = (cores: number) => Math.trunc(cores * 100);

describe('cases that nobody recorded', () => {
  it('of new instances', slowly, () => {
    const maxshare = fc.constantFrom(-1, -1, -1, 0, 1, 2, 3);
    fc.assert(
      fc.property(node, request, maxshare, (list, cores, most) => {
        const { names, free } = asText(list);
        const plans = eruPlans({ free, held: [], pieces: truncated(cores), maxshare: most });
        const row = {
          available: named(list),
          request: cores,
          maxshare: most,
          family: 'made',
          count: plans.length,
          plans: plans.map((plan) =>
            Object.fromEntries([...plan].map(([core, share]) => [names[core], share])),
          ),
        };
        expect(judge(row)).toEqual([]);
      }),
      options,
    );
  });

  it('of instances that change their size', slowly, () => {
    const share = fc.constantFrom(0, 0, 0, 10, 30, 40, 50, 70, 100, 100);
    const cores = fc.array(fc.tuple(fc.oneof(pieces, oversold), share), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(cores, request, (list, asked) => {
        const before = list.map(([left]) => left);
        const { names, free } = asText(list.map(([left, own]) => left + own));
        const own = (name: string) => list[Number(name)]?.[1] ?? 0;
        const held = names
          .map((name, core) => ({ core, pieces: own(name) }))
          .filter((each) => each.pieces > 0);
        const plans = eruPlans({ free, held, pieces: truncated(asked), maxshare: -1 });
        const [chosen] = plans;
        const row = {
          available: named(before),
          origin: Object.fromEntries(held.map(({ core, pieces: n }) => [names[core], n])),
          request: asked,
          count: plans.length,
          ...(chosen && {
            chosen: Object.fromEntries([...chosen].map(([core, n]) => [names[core], n])),
          }),
        };
        expect(judge(row)).toEqual([]);
      }),
      options,
    );
  });
});

describe('distributions that nobody recorded', () => {
  const small = fc.integer({ min: 0, max: 8 });
  const rowNode = fc.record({
    Capacity: small,
    Count: fc.integer({ min: 0, max: 6 }),
    Usage: fc.integer({ min: 0, max: 90 }).map((n) => n / 100),
    Rate: fc.integer({ min: 1, max: 12 }).map((n) => n / 100),
  });
  const cases: fc.Arbitrary<StrategyCase> = fc
    .record({
      strategy: fc.constantFrom('AUTO', 'FILL', 'EACH', 'GLOBAL', 'DRAINED'),
      nodes: fc.array(rowNode, { minLength: 1, maxLength: 8 }),
      need: fc.integer({ min: 1, max: 14 }),
      limit: fc.oneof(fc.constant(0), small),
      // Now and then something besides the nodes limits all.
      less: fc.constantFrom(0, 0, 0, 3),
    })
    .map(({ less, ...given }) => ({
      ...given,
      nodes: given.nodes.map((node, i) => ({ Nodename: `n${i}`, ...node })),
      total: Math.max(0, given.nodes.reduce((sum, each) => sum + each.Capacity, 0) - less),
    }));

  it('by any strategy', slowly, () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(cases, (given) => {
        const answer = eruDistribution(given);
        seen.add(`${given.strategy} ${typeof answer === 'string' ? 'error' : 'deploy'}`);
        const { nodes } = given;
        const row =
          typeof answer === 'string'
            ? { ...given, error: answer }
            : {
                ...given,
                deploy: Object.fromEntries(nodes.map((each, i) => [each.Nodename, answer[i] ?? 0])),
                final_sorted: nodes
                  .map(({ Count }, i) => Count + (answer[i] ?? 0))
                  .sort((a, b) => a - b),
              };
        expect(judge(row)).toEqual([]);
      }),
      options,
    );
    expect(seen.size).toBe(10);
  });
});

describe('the command', () => {
  /** Its exit code and its last line, for files with these texts. */
  function ran(...texts: readonly string[]) {
    const directory = mkdtempSync(join(tmpdir(), 'berth-oracle-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const files = texts.map((text, i) => {
      const path = join(directory, `${i}.json`);
      writeFileSync(path, text);
      return path;
    });
    const lines: string[] = [];
    const errors: string[] = [];
    const code = runFiles(files, { line: (l) => lines.push(l), error: (l) => errors.push(l) });
    return { code, last: lines.at(-1), lines, errors };
  }
  const right = { available: { 0: 100 }, request: 0.5, count: 2, plans: [{ 0: 50 }, { 0: 50 }] };
  const nodes = [{ Nodename: 'a', Capacity: 2, Count: 0, Usage: 0, Rate: 0.1 }];

  it.each([
    ['an empty list', []],
    ['a row', [right]],
    ['fields that nobody knows, in another order', [{ z: [1], ...right, comment: 'x' }]],
    ['no plans', [{ available: {}, request: 1, count: 0, plans: null, maxshare: -1 }]],
    ['nothing available', [{ request: 1, plans: [], count: 0, available: null }]],
    ['a panic', [{ available: { 0: 30 }, request: 0.3, maxshare: 0, error: 'panic', count: 0 }]],
    ['less than can be bound', [{ available: { 0: 30 }, request: 0.005, error: 'hang' }]],
    ['nothing held', [{ available: { 0: 100 }, origin: {}, request: 1, chosen: { 0: 100 } }]],
    ['held nowhere', [{ available: { 0: 100 }, origin: null, request: 2, chosen: null }]],
    ['no limit', [{ strategy: 'AUTO', nodes, need: 2, deploy: { a: 2 }, final_sorted: [2] }]],
    [
      'an empty error',
      [{ strategy: 'EACH', nodes, need: 1, limit: 0, error: '', deploy: { a: 1 } }],
    ],
    ['no nodes', [{ strategy: 'GLOBAL', nodes: null, need: 1, total: 0, error: 'need: 1' }]],
    ['a name in small letters', [{ strategy: 'each', nodes, need: 1, deploy: { a: 1 } }]],
    ['nothing but the end', [{ strategy: 'EACH', nodes, need: 1, final_sorted: [1] }]],
    [
      'more plans than we list',
      [
        {
          available: { 0: 10_001 },
          request: 0.01,
          count: 10_001,
          plans: Array(10_001).fill({ 0: 1 }),
        },
      ],
    ],
    [
      'a choice where Eru has none, and either of two where nothing is held',
      [
        { available: { 0: 130, 1: 130 }, origin: { 0: 5 }, request: 1, chosen: { 1: 100 } },
        { available: { 0: 100, 1: 100 }, origin: {}, request: 1, chosen: { 0: 100 } },
        { available: { 0: 100, 1: 100 }, origin: {}, request: 1, chosen: { 1: 100 } },
      ],
    ],
    ['an error in other words', [{ strategy: 'EACH', nodes, need: 9, error: 'not enough' }]],
    [
      'a total beyond all nodes',
      [{ strategy: 'AUTO', nodes, need: 3, total: 9, error: 'reached nodelimit, at most 0' }],
    ],
    [
      'more plans than Eru has, in any order',
      [{ available: { 0: 130, 1: 130 }, request: 1, count: 2, plans: [{ 1: 100 }, { 0: 100 }] }],
    ],
    ['an error', [{ strategy: 'FILL', nodes, need: 9, error: 'insufficient nodes to fill 9' }]],
  ])('passes %s', (_, rows) => {
    const { code, last, lines } = ran(JSON.stringify(rows));
    expect(lines).toEqual([`${rows.length} passed, 0 failed`]);
    expect([code, last]).toEqual([0, `${rows.length} passed, 0 failed`]);
  });

  it.each([
    ['as text', ['0', '1', '10', '2']],
    ['as numbers', ['0', '1', '2', '10']],
  ])('passes equal cores in the order of their names %s', (_, order) => {
    const available = { 10: 100, 2: 100, 1: 100, 0: 100 };
    const plans = order.map((name) => ({ [name]: 100 }));
    const resized = { available: { 0: 30, 1: 0, 2: 60, 10: 60 }, origin: { 1: 40 }, request: 0.6 };
    const chosen = { [order[2] ?? '']: 60 };
    const rows = [
      { available, request: 1, count: 4, plans },
      { ...resized, count: 2, chosen },
    ];
    expect(ran(JSON.stringify(rows)).lines).toEqual(['2 passed, 0 failed']);
  });

  it('finds a file from the folder in which npm was called', () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-oracle-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'mine.json'), JSON.stringify([right]));
    vi.stubEnv('INIT_CWD', directory);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(runFiles(['mine.json'], { line: () => {}, error: () => {} })).toBe(0);
  });

  it('takes one row without a list', () => {
    expect(ran(JSON.stringify(right)).lines).toEqual(['1 passed, 0 failed']);
  });

  it.each([
    ['another count', { ...right, count: 3 }, /Eru 3/],
    ['another end', { strategy: 'EACH', nodes, need: 1, final_sorted: [2] }, /in the end 1, Eru 2/],
    [
      'a limit where there is no room',
      { strategy: 'AUTO', nodes, need: 3, total: 2, error: 'reached nodelimit' },
      /Eru says/,
    ],
    ['another error', { strategy: 'EACH', nodes, need: 9, error: 'reached nodelimit' }, /Eru says/],
    [
      'equal cores in no order',
      {
        available: { 2: 100, 1: 100, 10: 100 },
        request: 1,
        count: 3,
        plans: [2, 10, 1].map((name) => ({ [name]: 100 })),
      },
      /Eru's/,
    ],
    ['other plans', { ...right, plans: [{ 0: 50 }, { 0: 40 }] }, /Eru's/],
    [
      'another choice',
      { available: { 0: 100, 1: 100 }, origin: { 0: 0 }, request: 1, chosen: { 1: 100 } },
      /Eru/,
    ],
    [
      'equal nodes that get unlike numbers',
      {
        strategy: 'EACH',
        nodes: [nodes[0], { ...nodes[0], Nodename: 'b' }],
        need: 1,
        deploy: { a: 2 },
      },
      /expected 2,0/,
    ],
    ['another distribution', { strategy: 'EACH', nodes, need: 1, deploy: { a: 2 } }, /expected 2/],
    ['an unknown strategy', { strategy: 'OTHER', nodes, need: 1 }, /unknown strategy OTHER/],
    ['no object', 7, /no object/],
    ['nothing', null, /no object/],
    ['no known form', {}, /neither "strategy" nor "available"/],
    ['a wrong field', { ...right, request: 'much' }, /request is no number/],
    ['wrong pieces', { ...right, available: [1] }, /available is no object/],
    ['wrong nodes', { strategy: 'AUTO', nodes: [null], need: 1 }, /nodes\[0\] is no object/],
  ])('fails %s, with a line that says why', (_, row, why) => {
    const { code, last, lines } = ran(JSON.stringify([row, right]));
    expect([code, last]).toEqual([1, '1 passed, 1 failed']);
    expect(lines[0]).toMatch(why);
    expect(lines[0]).not.toMatch(/ at .*ts:/);
  });

  it('goes on after a file that it cannot read, and says so', () => {
    const { code, last, errors } = ran('{"no": "list"}', 'no JSON', JSON.stringify([right]));
    expect([code, last]).toEqual([2, '1 passed, 0 failed']);
    expect(errors[0]).toMatch(/0\.json: it is no list of rows$/);
    expect(errors[1]).toMatch(/1\.json: it is no JSON/);
    expect(ran()).toMatchObject({ code: 2, lines: [], errors: [expect.stringMatching(/usage/)] });
  });
});
