import { describe, expect, it } from 'vitest';
import { FakeClock } from './clock.ts';
import { Turns } from './turns.ts';

/** Whether something that waits for its turn has run after the next step. */
async function othersRun(turns: Turns): Promise<boolean> {
  let ran = false;
  const other = setImmediate(() => {
    ran = true;
  });
  await turns.step();
  clearImmediate(other);
  return ran;
}

describe('turns', () => {
  it('are given to others only when the present one has lasted long', async () => {
    const clock = new FakeClock();
    const turns = new Turns(clock);
    expect(await othersRun(turns)).toBe(false);
    await clock.advance(4);
    expect(await othersRun(turns)).toBe(false);
    await clock.advance(1);
    expect(await othersRun(turns)).toBe(true);
    // The next turn begins then.
    expect(await othersRun(turns)).toBe(false);
  });

  it('of several are one at a time, with time for others between them', async () => {
    const clock = new FakeClock();
    // Each look at the clock ends a turn.
    let nowMs = 0;
    clock.now = () => {
      nowMs += 5;
      return nowMs;
    };
    const order: string[] = [];
    let isDone = false;
    const others = () => {
      order.push('|');
      if (!isDone) setImmediate(others);
    };
    setImmediate(others);
    const work = async (name: string) => {
      const turns = new Turns(clock);
      for (let i = 0; i < 5; i += 1) {
        await turns.step();
        order.push(name);
      }
    };
    await Promise.all([work('a'), work('b'), work('c')]);
    isDone = true;
    expect(order.join('')).not.toMatch(/\w\w/);
  });
});
