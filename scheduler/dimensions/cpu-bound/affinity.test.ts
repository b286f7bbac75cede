import { describe, expect, it } from 'vitest';
import { givenBack, planNear } from './affinity.ts';
import { coreRequest, type Plan } from './cores.ts';
import { sharedCores } from './shared-cores.ts';

function held(pieces: readonly number[]): Plan {
  return pieces.flatMap((count, core) => (count > 0 ? [{ core, pieces: count }] : []));
}

function near(free: readonly number[], origin: readonly number[], cores: number): unknown {
  const back = givenBack(free, held(origin));
  const plan = planNear(back, held(origin), coreRequest(cores), { maxShared: undefined });
  return plan && Object.fromEntries(plan.map(({ core, pieces }) => [core, pieces]));
}

describe('an instance that changes its size', () => {
  it.each([
    [[0, 30, 0], [100, 30, 40], 1, { 0: 100 }],
    [[0, 30, 0], [100, 30, 40], 1.2, { 0: 100, 1: 20 }],
    [[0, 80, 0, 0], [100, 20, 40, 10], 2, { 0: 100, 1: 100 }],
    [[0, 69, 10], [100, 30, 40], 2, undefined],
    [[0, 70, 10], [100, 30, 40], 2, { 0: 100, 1: 100 }],
    [[0, 60, 0], [100, 30, 40], 2, undefined],
    [[100, 60, 0, 100, 100], [100, 30, 40], 2, { 0: 100, 3: 100 }],
    // A whole core beats the core it has a part of.
    [[40, 100], [50], 1, { 1: 100 }],
    // Held whole and held in part are two things.
    [[40, 10, 70, 100, 0, 20], [100, 0, 0, 0, 100], 1.5, { 2: 50, 4: 100 }],
    [[30, 50, 30, 50, 0, 200, 100], [0, 0, 0, 0, 0, 100, 100], 1.2, { 0: 20, 5: 100 }],
    [[100, 90, 50], [0, 0, 70], 1.7, { 0: 100, 2: 70 }],
    // Which core is divided goes by how many plans a list makes that is cut in groups, round after round.
    [
      [0, 100, 30, 300, 100, 400, 300, 300],
      [100, 0, 50, 0, 100, 100, 50, 0],
      2.59,
      { 2: 59, 4: 100, 5: 100 },
    ],
    // On cores that are sold several times Eru finds none of these.
    [[130, 0, 150], [30], 1.5, { 0: 50, 2: 100 }],
    [[230, 50], [0, 100], 1.2, { 0: 20, 1: 100 }],
  ])('%j free, %j held, %d cores: %j', (free, origin, cores, expected) => {
    expect(near(free, origin, cores)).toEqual(expected);
  });

  it('stays where it is when its size does not change', () => {
    for (const origin of [
      [0, 100, 0, 30],
      [50, 0],
      [0, 100, 100],
    ]) {
      const cores = origin.reduce((sum, pieces) => sum + pieces, 0) / 100;
      const wanted = Object.fromEntries(held(origin).map(({ core, pieces }) => [core, pieces]));
      expect(near([100, 0, 0, 20], origin, cores)).toEqual(wanted);
    }
  });
});

describe('the cores for instances that are not bound', () => {
  it.each([
    [
      [0, 0, 100, 100],
      [2, 3],
    ],
    [
      [0, 0, 0, 0],
      [0, 1, 2, 3],
    ],
    [
      [100, 70, 100],
      [0, 2],
    ],
    [
      [200, 100, 50],
      [0, 1],
    ],
    [[], []],
  ])('%j free: %j', (free, expected) => {
    expect(sharedCores(free)).toEqual(expected);
  });
});
