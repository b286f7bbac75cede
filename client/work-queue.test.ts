import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { createWorkQueue } from './work-queue.ts';

const signal = new AbortController().signal;

function setup() {
  const clock = new FakeClock();
  const queue = createWorkQueue({ clock, random: seededRandom(1) });
  return { clock, queue };
}

test('hands keys out in order and collapses those that wait', async () => {
  const { queue } = setup();
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  expect(queue.length).toBe(3);
  expect(await queue.get({ signal })).toBe('a');
  expect(await queue.get({ signal })).toBe('b');
  expect(await queue.get({ signal })).toBe('c');
});

test('a key added while it is processed comes once more, after done', async () => {
  const { queue } = setup();
  queue.add('a');
  await queue.get({ signal });
  queue.add('a');
  queue.add('a');
  expect(queue.length).toBe(0);
  queue.done('a');
  expect(await queue.get({ signal })).toBe('a');
  queue.done('a');
  expect(queue.length).toBe(0);
});

test('of several waits for one key the earliest counts', async () => {
  const { clock, queue } = setup();
  queue.addAfter('a', 1_000);
  queue.addAfter('a', 100);
  queue.addAfter('a', 5_000);
  queue.addAfter('b', 200);
  await clock.advance(100);
  expect(queue.length).toBe(1);
  await clock.advance(100);
  expect(queue.length).toBe(2);
  await clock.advance(10_000);
  expect(queue.length).toBe(2);
});

test('failures back off from 5 ms to 1000 s, per key, until forgotten', () => {
  const { queue } = setup();
  const delays = Array.from({ length: 20 }, () => queue.addRateLimited('a'));
  expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
  expect(delays.at(-1)).toBe(1_000_000);
  expect(queue.addRateLimited('b')).toBe(5);
  queue.forget('a');
  expect(queue.addRateLimited('a')).toBe(5);
});

test('a clock that was set back does not prolong what waits', async () => {
  const { clock, queue } = setup();
  queue.addAfter('a', 1_000);
  queue.addAfter('b', 2_000);
  const realNow = clock.now.bind(clock);
  clock.now = () => realNow() - 3_600_000;
  queue.addAfter('c', 5_000);
  await clock.advance(1_000);
  expect(queue.length).toBe(1);
  await clock.advance(1_000);
  expect(queue.length).toBe(2);
  await clock.advance(3_000);
  expect(queue.length).toBe(3);
});

test('a waiting get is served, aborted or ended', async () => {
  const { queue } = setup();
  const served = queue.get({ signal });
  queue.add('a');
  expect(await served).toBe('a');
  const stop = new AbortController();
  const aborted = queue.get({ signal: stop.signal });
  stop.abort(new Error('stop'));
  await expect(aborted).rejects.toThrow('stop');
  const ended = queue.get({ signal });
  queue.shutDown();
  expect(await ended).toBeUndefined();
  queue.add('late');
  expect(queue.length).toBe(0);
});

test('never hands out one key twice at a time, and loses none', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ do: fc.constant('get' as const), key: fc.constant(0) }),
    fc.record({ do: fc.constant('done' as const), key: fc.integer({ min: 0, max: 4 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { queue } = setup();
      const processing = new Set<string>();
      const owed = new Set<string>();
      for (const { do: what, key } of steps) {
        const name = `k${key}`;
        if (what === 'add') {
          queue.add(name);
          owed.add(name);
        } else if (what === 'get' && queue.length > 0) {
          const got = (await queue.get({ signal })) ?? '';
          expect(processing.has(got)).toBe(false);
          processing.add(got);
          owed.delete(got);
        } else if (what === 'done' && processing.delete(name)) queue.done(name);
      }
      for (const name of processing) queue.done(name);
      while (queue.length > 0) owed.delete((await queue.get({ signal })) ?? '');
      expect([...owed]).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
