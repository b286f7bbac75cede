import { expect, it } from 'vitest';
import { scorePlacement } from './score.ts';
import { Snapshot } from './snapshot.ts';
import { node, request } from './testing.ts';

/** Two nodes of 4 cores, and instances of 2 cores on them, each with a cpu more or less. */
function placed(on: readonly (readonly [node: string, cpu: number])[]): Snapshot {
  const snapshot = new Snapshot();
  for (const name of ['n1', 'n2']) snapshot.upsertNode(node(name, { cpu: 4000 }));
  for (const [i, [name, cpu]] of on.entries()) snapshot.assume(request(`u${i}`, { cpu }), name, {});
  return snapshot;
}

it('counts as lost what is free where none of the instances there are would fit', () => {
  const apart = scorePlacement(placed([['n1', 3000], ['n2', 3000]])); // biome-ignore format: a table.
  const together = scorePlacement(placed([['n1', 3000]]));
  // Apart, two cores are free and 3 fit nowhere; with one of them gone its node is whole.
  expect(apart.dimensions['cpu']).toEqual({
    capacity: 8000,
    used: 6000,
    utilisation: 0.75,
    fragmentation: 1,
  });
  expect(together.dimensions['cpu']?.fragmentation).toBe(1000 / 5000);
  expect(together.score).toBeGreaterThan(apart.score);
  expect([apart.usedNodes, together.usedNodes]).toEqual([2, 1]);
});

it('is full marks where nothing is placed, and names what is over', () => {
  expect(scorePlacement(placed([])).score).toBe(100);
  const over = placed([['n1', 3000], ['n1', 3000]]); // biome-ignore format: a table.
  expect(scorePlacement(over).overcommittedNodes).toBe(1);
  expect(scorePlacement(over).dimensions['cpu']?.utilisation).toBe(0.75);
});
