/** How much a fault test does, and from which seeds: few in `npm test`, all in `npm run test:soak`. */

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Random, seededRandom } from '../../lib/random.ts';

/** Whether the full numbers are wanted. */
export const soak = process.env['BERTH_SOAK'] === '1';

/** Seeds that once failed, by test; they run first, for ever. */
const kept = JSON.parse(
  readFileSync(new URL('failing-seeds.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly number[]>>; // The file beside this one.

/**
 * The seeds of a test: `BERTH_SEED` alone when it is set; else those kept, and the same one every
 * time, or a new one each time in a soak.
 */
export function seedsOf(test: string): readonly number[] {
  const wanted = process.env['BERTH_SEED'];
  if (wanted !== undefined && wanted !== '') return [Number(wanted)];
  return [...(kept[test] ?? []), soak ? randomInt(2 ** 31) : 1];
}

/** Says with a failure how to see it again. */
export async function withSeed(test: string, seed: number, run: () => Promise<void>) {
  if (soak) console.log(`${test}: seed ${seed}`);
  try {
    await run();
  } catch (error) {
    const again = `BERTH_SEED=${seed}${soak ? ' BERTH_SOAK=1' : ''} npx vitest run test/faults test/hosts -t '${test}'`;
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${said}\n\nseed ${seed}; again: ${again}\nKeep it: add the seed to "${test}" in test/faults/failing-seeds.json.`,
      { cause: error },
    );
  }
}

/** Choices that follow from a seed alone. */
export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    // Small seeds begin alike.
    for (let i = 0; i < 8; i += 1) this.random.fraction();
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.random.fraction() * end);
  }

  chance(share: number): boolean {
    return this.random.fraction() < share;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** By weight. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
    let at = this.random.fraction() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      at -= weight;
      if (at < 0) return item;
    }
    return this.pick(items)[1];
  }
}
