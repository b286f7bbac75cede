import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Probe } from '../../api/kinds.gen.ts';
import {
  afterCheck,
  type ContainerProbeSpecs,
  firstHealth,
  healthOf,
  isProbed,
  type ProbeKind,
} from './probe-state.ts';

type Outcome = 'success' | 'failure';
type Check = readonly [ProbeKind, Outcome];

const kinds = ['startup', 'liveness', 'readiness'] as const;

function run(
  probes: ContainerProbeSpecs,
  checks: readonly Check[],
  reported?: { ready: boolean; started: boolean },
) {
  let health = firstHealth(probes, reported);
  const seen = [healthOf(health)];
  for (const [kind, outcome] of checks) {
    health = afterCheck(health, kind, outcome, probes[kind] ?? {});
    seen.push(healthOf(health));
  }
  return { health, seen, last: seen.at(-1)! };
}

const times = (count: number, check: Check) => Array.from({ length: count }, () => check);

describe('thresholds', () => {
  test('no probe: started and ready at once', () => {
    expect(run({}, []).last).toEqual({ started: true, ready: true });
  });

  test('ready after so many successes in a row, unready after so many failures', () => {
    const probes = { readiness: { successThreshold: 2, failureThreshold: 3 } };
    const yes: Check = ['readiness', 'success'];
    const no: Check = ['readiness', 'failure'];
    const ready = (...checks: Check[]) => run(probes, checks).last.ready;
    expect(ready()).toBe(false);
    expect(ready(yes)).toBe(false);
    expect(ready(yes, no, yes)).toBe(false);
    expect(ready(yes, yes)).toBe(true);
    expect(ready(yes, yes, no, no)).toBe(true);
    expect(ready(yes, yes, no, no, yes, no, no)).toBe(true);
    expect(ready(yes, yes, no, no, no)).toBe(false);
    expect(ready(yes, yes, no, no, no, yes)).toBe(false);
    expect(ready(yes, yes, no, no, no, yes, yes)).toBe(true);
  });

  test('defaults: one success, three failures', () => {
    const probes = { readiness: {} };
    expect(run(probes, [['readiness', 'success']]).last.ready).toBe(true);
    const failing = (count: number) =>
      run(probes, [['readiness', 'success'], ...times(count, ['readiness', 'failure'])]).last.ready;
    expect([failing(2), failing(3)]).toEqual([true, false]);
  });

  test('liveness fails once and for all, and is no longer asked', () => {
    const probes = { liveness: { failureThreshold: 2 } };
    expect(run(probes, times(1, ['liveness', 'failure'])).last.failed).toBeUndefined();
    const { health, last } = run(probes, [
      ...times(2, ['liveness', 'failure']),
      ['liveness', 'success'],
    ]);
    expect(last.failed).toBe('liveness');
    expect(isProbed(health, 'liveness')).toBe(false);
  });

  test('more than one success is never asked of liveness and startup', () => {
    const probes = { startup: { successThreshold: 5 } };
    expect(run(probes, [['startup', 'success']]).last.started).toBe(true);
  });
});

describe('startup', () => {
  const probes = { startup: { failureThreshold: 2 }, liveness: {}, readiness: {} };

  test('holds the other two back until it has succeeded, then is no longer asked', () => {
    const before = run(probes, times(9, ['liveness', 'failure']));
    expect(before.last).toEqual({ started: false, ready: false });
    expect(kinds.filter((kind) => isProbed(before.health, kind))).toEqual(['startup']);
    const after = run(probes, [
      ['readiness', 'success'],
      ['startup', 'failure'],
      ['startup', 'success'],
    ]);
    expect(after.last).toEqual({ started: true, ready: false });
    expect(kinds.filter((kind) => isProbed(after.health, kind))).toEqual(['liveness', 'readiness']);
  });

  test('that fails ends the container', () => {
    const { health, last } = run(probes, times(2, ['startup', 'failure']));
    expect(last).toEqual({ started: false, ready: false, failed: 'startup' });
    expect(kinds.filter((kind) => isProbed(health, kind))).toEqual([]);
  });
});

describe('a container that was there before the agent', () => {
  const probes = { startup: {}, liveness: {}, readiness: { failureThreshold: 2 } };

  test('stays ready until the first threshold of failures', () => {
    const reported = { ready: true, started: true };
    expect(run(probes, [], reported).last).toEqual({ started: true, ready: true });
    expect(run(probes, [['readiness', 'failure']], reported).last.ready).toBe(true);
    expect(run(probes, times(2, ['readiness', 'failure']), reported).last.ready).toBe(false);
  });

  test('is not made ready by having been there', () => {
    const unready = { ready: false, started: true };
    expect(run(probes, [], unready).last).toEqual({ started: true, ready: false });
    const unstarted = { ready: false, started: false };
    expect(run(probes, [], unstarted).last.started).toBe(false);
  });
});

describe('whatever the checks say', () => {
  const limits: fc.Arbitrary<Probe> = fc.record({
    failureThreshold: fc.integer({ min: 1, max: 4 }),
    successThreshold: fc.integer({ min: 1, max: 4 }),
  });
  const specs: fc.Arbitrary<ContainerProbeSpecs> = fc.record(
    { startup: limits, liveness: limits, readiness: limits },
    { requiredKeys: [] },
  );
  const outcome = fc.constantFrom<Outcome>('success', 'failure');
  const check: fc.Arbitrary<Check> = fc.tuple(fc.constantFrom(...kinds), outcome);
  const checks = fc.array(check, { maxLength: 60 });

  test('safety: never ready before started, and what has failed stays failed', () => {
    fc.assert(
      fc.property(specs, checks, (probes, all) => {
        const { seen } = run(probes, all);
        let failed: string | undefined;
        let started = false;
        for (const one of seen) {
          if (one.ready) expect(one.started).toBe(true);
          if (started) expect(one.started).toBe(true);
          if (failed !== undefined) expect(one.failed).toBe(failed);
          if (one.failed === 'liveness') expect(one.started).toBe(true);
          ({ failed, started } = { failed: one.failed, started: one.started });
        }
      }),
    );
  });

  test('readiness follows the end of its history, and nothing else', () => {
    fc.assert(
      fc.property(limits, fc.array(outcome, { maxLength: 60 }), (limit, all) => {
        const { seen } = run(
          { readiness: limit },
          all.map((one) => ['readiness', one]),
        );
        let ready = false;
        for (const [at, one] of all.entries()) {
          const wanted = one === 'success' ? limit.successThreshold! : limit.failureThreshold!;
          const end = all.slice(Math.max(0, at + 1 - wanted), at + 1);
          if (end.length === wanted && end.every((each) => each === one)) ready = one === 'success';
          expect(seen[at + 1]?.ready).toBe(ready);
        }
      }),
    );
  });

  test('progress: enough failures of liveness end every started container', () => {
    fc.assert(
      fc.property(specs, checks, limits, (others, all, liveness) => {
        const probes = { ...others, liveness };
        const { seen } = run(probes, [...all, ...times(4, ['liveness', 'failure'])]);
        const last = seen.at(-1)!;
        expect(last.failed !== undefined || !last.started).toBe(true);
      }),
    );
  });

  test('a restart of the agent alone takes readiness from nobody', () => {
    fc.assert(
      fc.property(specs, checks, (probes, all) => {
        const { last } = run(probes, all);
        if (last.failed !== undefined) return;
        expect(run(probes, [], last).last).toEqual(last);
      }),
    );
  });
});
