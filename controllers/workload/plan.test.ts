/** What a plan may never do, whatever happens to the pods. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { isCurrent, type Plan, passMax, type Situation, templateHashLabel } from './plan.ts';
import { planEphemeral } from './plan-ephemeral.ts';
import { planStable } from './plan-stable.ts';
import { isActive, isAvailable, isEnded } from './pod-state.ts';

interface World {
  readonly stable: boolean;
  readonly count: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  hash: string;
  fallback: string | undefined;
  paused: boolean;
  nowMs: number;
  pods: Pod[];
  made: number;
}

const plan = (situation: Situation): Plan =>
  situation.desired.stable ? planStable(situation) : planEphemeral(situation);

function situationOf(world: World): Situation {
  const { stable, count, maxSurge, maxUnavailable, hash, fallback, paused, nowMs, pods } = world;
  return {
    desired: { count, stable, running: true, paused, minReadySeconds: 0, maxSurge, maxUnavailable },
    hash,
    ...(fallback === undefined ? {} : { fallback }),
    pods,
    resting: new Set(),
    nowMs,
    nameOf: (slot, of) => (stable ? `web-${slot}` : `web-${of}-${slot}`),
    isTaken: (name) => pods.some(({ metadata }) => metadata.name === name),
  };
}

function podNamed(world: World, name: string, hash: string): Pod {
  world.made += 1;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: String(world.made), labels: { [templateHashLabel]: hash } },
    spec: { nodeName: 'n', containers: [] },
  };
}

function withReady(pod: Pod, ready: boolean, nowMs: number, restarts = 0): Pod {
  const lastTransitionTime = new Date(nowMs).toISOString();
  return {
    ...pod,
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
      containerStatuses: [{ name: 'web', image: '', imageID: '', ready, restartCount: restarts }],
    },
  };
}

const available = ({ pods, nowMs }: World) =>
  pods.filter((pod) => isAvailable(pod, 0, nowMs)).length;

/** Carries a plan out and holds it to what it may do. */
function step(world: World): void {
  const before = available(world);
  const { create, remove } = plan(situationOf(world));
  const doomed = new Set(remove);
  const least = world.count - world.maxUnavailable;
  const lostAvailable = remove.filter((pod) => isAvailable(pod, 0, world.nowMs)).length;
  if (lostAvailable > 0) expect(before - lostAvailable).toBeGreaterThanOrEqual(least);
  world.pods = world.pods.flatMap((pod) => {
    if (!doomed.has(pod)) return [pod];
    // Those that ended are gone at once, the others take their time.
    if (isEnded(pod)) return [];
    return [{ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }];
  });
  for (const { name, hash = world.hash } of create) world.pods.push(podNamed(world, name, hash));
  const active = world.pods.filter(isActive).length;
  if (create.length > 0) expect(active).toBeLessThanOrEqual(world.count + world.maxSurge);
  const names = world.pods.map(({ metadata }) => metadata.name);
  expect(new Set(names).size).toBe(names.length);
  // Bookkeeping of the controller: rolled out is what all instances are of.
  const whole =
    active === world.count &&
    world.pods.filter(isActive).every((pod) => isCurrent(pod, world.hash)) &&
    available(world) === world.count;
  if (whole) world.fallback = undefined;
}

const event = fc.record({
  type: fc.constantFrom(
    'ready',
    'ready',
    'unready',
    'crash',
    'end',
    'lose',
    'gone',
    'gone',
    'pause',
  ),
  at: fc.nat(20),
});

function happen(world: World, { type, at }: { readonly type: string; readonly at: number }): void {
  const i = at % Math.max(world.pods.length, 1);
  const pod = world.pods[i];
  world.nowMs += 10_000;
  if (type === 'pause') world.paused = !world.paused;
  if (pod === undefined) return;
  const live = pod.metadata.deletionTimestamp === undefined;
  if (type === 'ready' && live) world.pods[i] = withReady(pod, true, world.nowMs);
  if (type === 'unready' && live) world.pods[i] = withReady(pod, false, world.nowMs);
  if (type === 'crash' && live) world.pods[i] = withReady(pod, true, world.nowMs, 3);
  if (type === 'end' && live) world.pods[i] = { ...pod, status: { phase: 'Failed' } };
  if (type === 'lose' || (type === 'gone' && !live)) world.pods.splice(i, 1);
}

/** Everything that is there becomes ready, and what goes is gone. */
function settle(world: World, broken: string | undefined = undefined): void {
  for (let round = 0; round < 30; round += 1) {
    world.nowMs += 60_000;
    world.pods = world.pods
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((pod) => withReady(pod, broken === undefined || !isCurrent(pod, broken), world.nowMs));
    // Ready for a while.
    world.nowMs += 60_000;
    step(world);
  }
}

const worlds = fc
  .record({
    stable: fc.boolean(),
    count: fc.integer({ min: 1, max: 6 }),
    surge: fc.integer({ min: 0, max: 3 }),
    unavailable: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ stable, count, surge, unavailable }): World => {
    const maxSurge = stable ? 0 : surge;
    const maxUnavailable = Math.min(count, maxSurge === 0 ? Math.max(unavailable, 1) : unavailable);
    const more = { hash: 'v1', fallback: undefined, paused: false, nowMs: 0, pods: [], made: 0 };
    return { stable, count, maxSurge, maxUnavailable, ...more };
  });

const hashes = ({ pods }: World) =>
  pods.map(({ metadata }) => metadata.labels?.[templateHashLabel]);

test('no plan takes more than it may, and every template arrives', () => {
  fc.assert(
    fc.property(worlds, fc.array(fc.tuple(event, fc.nat(12))), (given, script) => {
      const world = { ...given, pods: [] };
      settle(world);
      for (const [what, next] of script) {
        if (next < 3 && `v${next}` !== world.hash) {
          // As the controller does: the last complete one is what is fallen back on.
          world.fallback ??= world.hash;
          world.hash = `v${next}`;
          if (world.fallback === world.hash) world.fallback = undefined;
        }
        happen(world, what);
        step(world);
      }
      world.paused = false;
      settle(world);
      expect(hashes(world)).toEqual(Array(world.count).fill(world.hash));
      expect(available(world)).toBe(world.count);
    }),
    { numRuns: 100 },
  );
});

test.each([true, false])(
  'an absurd number is planned one pass at a time (stable: %s)',
  (stable) => {
    const count = 2_000_000_000;
    const at = {
      hash: 'v1',
      fallback: undefined,
      paused: false,
      nowMs: 0,
      pods: [] as Pod[],
      made: 0,
    };
    const world: World = { stable, count, maxSurge: stable ? 0 : 1, maxUnavailable: 1, ...at };
    step(world);
    expect(world.pods).toHaveLength(passMax);
    step(world);
    expect(new Set(world.pods.map(({ metadata }) => metadata.name)).size).toBe(2 * passMax);
  },
);

test('a template that never becomes ready costs no more than it may, and undo brings all back', () => {
  fc.assert(
    fc.property(worlds, fc.array(event, { maxLength: 20 }), (given, script) => {
      const world = { ...given, pods: [] };
      settle(world);
      world.hash = 'bad';
      world.fallback = 'v1';
      step(world);
      const onTrial = () => hashes(world).filter((hash) => hash === 'bad').length;
      for (const what of script) {
        // Its instances never become ready; the others may do what they like, but are not paused.
        const pod = world.pods[what.at % Math.max(world.pods.length, 1)];
        if (pod !== undefined && isCurrent(pod, 'bad') && what.type !== 'lose') continue;
        if (what.type !== 'pause') happen(world, what);
        step(world);
      }
      settle(world, 'bad');
      // What is left serves, also where pods were lost meanwhile.
      expect(available(world)).toBeGreaterThanOrEqual(world.count - world.maxUnavailable);
      if (hashes(world).includes('v1')) {
        expect(onTrial()).toBeLessThanOrEqual(world.maxSurge + world.maxUnavailable);
      }
      world.hash = 'v1';
      world.fallback = undefined;
      settle(world);
      expect(hashes(world)).toEqual(Array(world.count).fill('v1'));
    }),
    { numRuns: 100 },
  );
});

test('what is on a node that should have none goes first', () => {
  const world: World = {
    stable: false,
    count: 1,
    maxSurge: 0,
    maxUnavailable: 1,
    hash: 'a',
    fallback: undefined,
    paused: false,
    nowMs: 60_000,
    pods: [],
    made: 0,
  };
  const right = withReady(podNamed(world, 'right', 'a'), false, 0);
  const wrong = withReady(podNamed(world, 'wrong', 'a'), true, 0);
  const there = { ...wrong, spec: { ...wrong.spec, nodeName: 'other' } };
  const situation = situationOf({ ...world, pods: [right, there] });
  const desired = { ...situation.desired, eligible: new Set(['n']) };
  expect(planEphemeral({ ...situation, desired }).remove).toEqual([there]);
  expect(planEphemeral(situation).remove).toEqual([right]);
});
