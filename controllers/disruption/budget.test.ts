import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../api/kinds.gen.ts';
import { BudgetError, countBudget, deletionTimeoutMs } from './budget.ts';

const nowMs = Date.UTC(2026, 0, 1);
const time = (ms: number) => new Date(ms).toISOString();

function podOf(
  name: string,
  more: { ready?: boolean; owner?: string; leaving?: boolean } = {},
): Pod {
  const { ready = true, owner = 'w', leaving = false } = more;
  const reference = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: owner, uid: owner };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: time(nowMs - 60_000),
      ...(owner === '' ? {} : { ownerReferences: [{ ...reference, controller: true }] }),
      ...(leaving ? { deletionTimestamp: time(nowMs) } : {}),
    },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function budgetOf(
  spec: PodDisruptionBudgetSpec,
  disruptedPods: Record<string, string> = {},
): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', namespace: 'a' },
    spec,
    status: {
      disruptedPods,
      disruptionsAllowed: 0,
      currentHealthy: 0,
      desiredHealthy: 0,
      expectedPods: 0,
    },
  };
}

function count(
  spec: PodDisruptionBudgetSpec,
  pods: readonly Pod[],
  { scale = pods.length, disrupted = {} as Record<string, string>, atMs = nowMs } = {},
) {
  return countBudget({
    budget: budgetOf(spec, disrupted),
    pods,
    scaleOf: () => scale,
    nowMs: atMs,
  });
}

const pods = (n: number) => Array.from({ length: n }, (_, i) => podOf(`p${i}`));

test.each([
  [{ minAvailable: 2 }, 3, 3, [3, 2, 1]],
  [{ minAvailable: 3 }, 3, 3, [3, 3, 0]],
  [{ minAvailable: 5 }, 3, 3, [3, 5, 0]],
  [{ minAvailable: 0 }, 3, 3, [3, 0, 3]],
  [{ minAvailable: '50%' }, 3, 3, [3, 2, 1]],
  [{ minAvailable: '100%' }, 3, 3, [3, 3, 0]],
  // Two of five are still to come: they count as missing.
  [{ minAvailable: '50%' }, 3, 5, [5, 3, 0]],
  [{ maxUnavailable: 1 }, 3, 3, [3, 2, 1]],
  [{ maxUnavailable: 1 }, 3, 5, [5, 4, 0]],
  [{ maxUnavailable: '34%' }, 3, 3, [3, 1, 2]],
  [{ maxUnavailable: 7 }, 3, 3, [3, 0, 3]],
  [{ maxUnavailable: 0 }, 3, 3, [3, 3, 0]],
  [{}, 3, 3, [0, 0, 0]],
  [{ maxUnavailable: 1 }, 0, 0, [0, 0, 0]],
] as const)('%o with %i pods of %i', (spec, have, scale, expected) => {
  const { expectedPods, desiredHealthy, disruptionsAllowed } = count(spec, pods(have), { scale });
  expect([expectedPods, desiredHealthy, disruptionsAllowed]).toEqual(expected);
});

test('the scale of each controller counts once, and pods without one do not', () => {
  const some = [podOf('a'), podOf('b'), podOf('c', { owner: 'v' }), podOf('d', { owner: '' })];
  expect(count({ maxUnavailable: 1 }, some, { scale: 2 }).expectedPods).toBe(4);
});

test('only pods that are ready and not on their way out are healthy', () => {
  const some = [podOf('a'), podOf('b', { ready: false }), podOf('c', { leaving: true })];
  expect(count({ minAvailable: 1 }, some)).toMatchObject({
    currentHealthy: 1,
    disruptionsAllowed: 0,
  });
});

test('what cannot be worked out is refused', () => {
  const unknown = { budget: budgetOf({ maxUnavailable: 1 }), pods: pods(1), nowMs };
  expect(() => countBudget({ ...unknown, scaleOf: () => undefined })).toThrow(BudgetError);
  expect(() => count({ maxUnavailable: 'x' }, pods(1))).toThrow(BudgetError);
  expect(() => count({ maxUnavailable: 1, minAvailable: 1 }, pods(1))).toThrow(BudgetError);
});

test('a granted eviction counts as gone until it is seen, or two minutes have passed', () => {
  const disrupted = { p0: time(nowMs) };
  const granted = count({ minAvailable: 1 }, pods(3), { disrupted });
  expect(granted).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1, confirmed: [] });
  expect(granted.recheckAfterMs).toBe(deletionTimeoutMs);
  const late = count({ minAvailable: 1 }, pods(3), {
    disrupted,
    atMs: nowMs + deletionTimeoutMs,
  });
  expect(late).toMatchObject({ currentHealthy: 3, notDeleted: ['p0'] });
  const seen = [podOf('p0', { leaving: true }), podOf('p1'), podOf('p2')];
  expect(count({ minAvailable: 1 }, seen, { disrupted })).toMatchObject({
    currentHealthy: 2,
    confirmed: ['p0'],
  });
  // A numbered instance that was made anew under its old name.
  const older = { p0: time(nowMs - 90_000) };
  expect(count({ minAvailable: 1 }, pods(3), { disrupted: older })).toMatchObject({
    currentHealthy: 3,
    confirmed: ['p0'],
  });
});

const amount = fc.oneof(
  fc.nat({ max: 8 }),
  fc.nat({ max: 100 }).map((percent) => `${percent}%`),
);
const spec = fc.oneof(
  amount.map((minAvailable) => ({ minAvailable })),
  amount.map((maxUnavailable) => ({ maxUnavailable })),
);

test('exactly as many may go as can be spared', () => {
  fc.assert(
    fc.property(
      spec,
      fc.array(fc.boolean(), { maxLength: 12 }),
      fc.nat(14),
      (given, ready, scale) => {
        const all = ready.map((each, i) => podOf(`p${i}`, { ready: each }));
        const counts = count(given, all, { scale });
        const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = counts;
        expect(desiredHealthy).toBeGreaterThanOrEqual(0);
        expect(disruptionsAllowed).toBeGreaterThanOrEqual(0);
        expect(disruptionsAllowed).toBeLessThanOrEqual(currentHealthy);
        if (disruptionsAllowed > 0)
          expect(currentHealthy - disruptionsAllowed).toBe(desiredHealthy);
        else expect(currentHealthy <= desiredHealthy || expectedPods === 0).toBe(true);
      },
    ),
  );
});

/**
 * Drains and the controller in any order, the controller with a view of the pods that is any number
 * of steps behind; its writes, and those of evictions, are onto the newest budget or fail.
 */
test('no order of drains and passes takes more than the budget has', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('evict' as const), pod: fc.nat(7) }),
    fc.record({ type: fc.constant('see' as const), changes: fc.nat(4) }),
    fc.constant({ type: 'pass' as const }),
  );
  fc.assert(
    fc.property(
      spec,
      fc.integer({ min: 1, max: 8 }),
      fc.array(step, { maxLength: 60 }),
      (given, n, steps) => {
        const history: Pod[][] = [pods(n)];
        let seen = 0;
        const live = () => history.at(-1) ?? [];
        const pass = () => {
          const disrupted = budget.disrupted;
          const view = history[seen] ?? [];
          const counts = count(given, view, { scale: n, disrupted });
          const rest = Object.entries(disrupted).filter(
            ([name]) => !counts.confirmed.includes(name),
          );
          budget = { allowed: counts.disruptionsAllowed, disrupted: Object.fromEntries(rest) };
          return counts;
        };
        let budget = { allowed: 0, disrupted: {} as Record<string, string> };
        const { desiredHealthy } = pass();
        for (const each of steps) {
          if (each.type === 'pass') pass();
          if (each.type === 'see') seen = Math.min(seen + each.changes, history.length - 1);
          if (each.type !== 'evict') continue;
          const victim = live()[each.pod];
          if (victim === undefined || budget.allowed === 0) continue;
          const name = victim.metadata.name ?? '';
          budget = {
            allowed: budget.allowed - 1,
            disrupted: { ...budget.disrupted, [name]: time(nowMs) },
          };
          history.push(live().filter((pod) => pod !== victim));
        }
        expect(live().length).toBeGreaterThanOrEqual(Math.min(desiredHealthy, n));
      },
    ),
    { numRuns: 500 },
  );
});
