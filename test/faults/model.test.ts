/** Random operations on a whole cluster in virtual time: what is wanted is always reached, by right ways. */
import { expect, test } from 'vitest';
import { Invariants } from './model-invariants.ts';
import { heal, operations, populate } from './model-operations.ts';
import { World } from './model-world.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';
import { watchUpdates } from './update-guard.ts';

const title = 'model';
const nodeCount = 3;
/** Between two times at which everything must come to rest. */
const burst = 10;
const bursts = soak ? 50 : 10;
/** Worlds one after the other, so that a failure is near its cause. */
const worlds = soak ? 20 : 1;
/** In virtual time: back-offs of five minutes, a node's grace, a lease that runs out. */
const restWithinMs = 900_000;
const stepMs = 15_000;
const idleMs = 30_000;

test(title, { timeout: soak ? 14_400_000 : 600_000 }, async () => {
  for (const seed of seedsOf(title)) {
    for (let world = 0; world < worlds; world += 1) {
      await withSeed(title, seed + world, () => live(seed + world));
      if (process.env['BERTH_SEED'] !== undefined) break;
    }
  }
});

async function live(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const world = await World.make(dice, nodeCount);
  const done: string[] = [];
  try {
    const invariants = new Invariants(world);
    watchUpdates(world, invariants.broken);
    done.push(...(await populate(world, dice)));
    for (let i = 0; i < bursts; i += 1) {
      const startedMs = world.clock.now();
      for (let j = 0; j < burst; j += 1) {
        done.push(await dice.weighted(operations)(world, dice));
        await world.clock.advance(dice.pick([0, 0, 100, 2_000]));
      }
      await heal(world);
      done.push('-- rest');
      await untilRest(world, invariants);
      invariants.checkWrites(startedMs, false);
      const restedMs = world.clock.now();
      await world.clock.advance(idleMs);
      invariants.checkWrites(restedMs, true);
      expect(await invariants.differences()).toEqual([]);
      expect(invariants.broken).toEqual([]);
    }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${said}\n\nWhat was done:\n${done.join('\n')}`, { cause: error });
  } finally {
    await world.remove();
  }
}

/** Twice in a row: at the first time controllers that were restarted may still wait for the lease of those before. */
async function untilRest(world: World, invariants: Invariants): Promise<void> {
  const untilMs = world.clock.now() + restWithinMs;
  let quiet = 0;
  while (quiet < 2) {
    await world.clock.advance(stepMs);
    const differences = await invariants.differences();
    if (invariants.broken.length > 0) throw new Error(invariants.broken.join('\n'));
    quiet = differences.length === 0 ? quiet + 1 : 0;
    if (quiet === 0 && world.clock.now() > untilMs)
      throw new Error(`does not come to rest: ${differences.join('; ')}`);
  }
}
