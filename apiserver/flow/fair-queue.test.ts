import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { FairQueue, type Leave, Refused } from './fair-queue.ts';

const never = new AbortController().signal;
const limits = { seats: 4, seatsPerUser: 2, queuedPerUser: 3, queued: 5, waitMs: 1_000 };

function setup(more: Partial<typeof limits> = {}) {
  const clock = new FakeClock();
  const queue = new FairQueue({ ...limits, ...more }, clock);
  const admitted: string[] = [];
  const refused: string[] = [];
  const leaves = new Map<string, Leave>();
  const enter = (id: string, seats = 1, signal = never) => {
    const [user = ''] = id.split('-');
    const inside = (leave: Leave) => {
      admitted.push(id);
      leaves.set(id, leave);
    };
    try {
      const left = queue.enter(user, seats, signal);
      if (typeof left === 'function') inside(left);
      else
        left.then(inside, (error) =>
          refused.push(`${id} ${error instanceof Refused ? error.reason : 'gone'}`),
        );
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused.push(`${id} ${error.reason}`);
    }
  };
  return { clock, queue, admitted, refused, enter, leave: (id: string) => leaves.get(id)?.() };
}

test('one user never takes more than its share, so another finds a seat at once', () => {
  const { admitted, enter } = setup();
  for (const id of ['a-1', 'a-2', 'a-3', 'b-1', 'b-2', 'b-3']) enter(id);
  expect(admitted).toEqual(['a-1', 'a-2', 'b-1', 'b-2']);
});

test('users are served in turn, however many requests one of them has waiting', async () => {
  const { clock, admitted, enter, leave } = setup({ seats: 1, seatsPerUser: 1 });
  for (const id of ['a-1', 'a-2', 'a-3', 'b-1', 'c-1']) enter(id);
  for (let i = 0; i < 5; i += 1) {
    leave(admitted.at(-1) ?? '');
    await clock.advance(0);
  }
  expect(admitted).toEqual(['a-1', 'a-2', 'b-1', 'c-1', 'a-3']);
});

test('what needs many seats gets them, though small requests keep coming', async () => {
  const { clock, admitted, enter, leave } = setup({ seats: 2, seatsPerUser: 2, queued: 9 });
  enter('a-1');
  enter('a-2');
  enter('b-1', 2);
  enter('c-1');
  leave('a-1');
  await clock.advance(0);
  expect(admitted).toEqual(['a-1', 'a-2']);
  leave('a-2');
  await clock.advance(0);
  expect(admitted).toEqual(['a-1', 'a-2', 'b-1']);
  leave('b-1');
  await clock.advance(0);
  expect(admitted.at(-1)).toBe('c-1');
});

test('a full queue refuses, of one user and of all', () => {
  const { refused, enter } = setup({ seats: 1, seatsPerUser: 1 });
  for (const id of ['a-1', 'a-2', 'a-3', 'a-4', 'a-5', 'b-1', 'b-2', 'b-3']) enter(id);
  expect(refused).toEqual(['a-5 queue-full', 'b-3 queue-full']);
});

test('who waits too long is refused, who goes away is forgotten; both make room', async () => {
  const { clock, queue, admitted, refused, enter, leave } = setup({ seats: 1, seatsPerUser: 1 });
  const gone = new AbortController();
  enter('a-1');
  enter('b-1', 1, gone.signal);
  enter('c-1');
  gone.abort();
  await clock.advance(999);
  expect(refused).toEqual(['b-1 gone']);
  await clock.advance(1);
  expect(refused).toEqual(['b-1 gone', 'c-1 time-out']);
  leave('a-1');
  leave('a-1');
  expect([queue.taken, queue.queued, clock.sleeping]).toEqual([0, 0, 0]);
  enter('d-1');
  expect(admitted).toEqual(['a-1', 'd-1']);
});

test('whatever comes and goes, no limit is passed and nobody waits while there is room', async () => {
  const step = fc.record({
    user: fc.constantFrom('a', 'b', 'c'),
    seats: fc.integer({ min: 1, max: 3 }),
    leaves: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, queue, admitted, enter, leave } = setup();
      let left = 0;
      for (const [i, { user, seats, leaves }] of steps.entries()) {
        if (!leaves) enter(`${user}-${i}`, seats);
        else if (left < admitted.length) leave(admitted[left++] ?? '');
        await Promise.resolve();
        expect(queue.taken).toBeLessThanOrEqual(limits.seats);
        expect(queue.queued).toBeLessThanOrEqual(limits.queued);
      }
      await clock.advance(0);
      while (left < admitted.length) {
        leave(admitted[left++] ?? '');
        await clock.advance(0);
      }
      expect([queue.taken, queue.queued]).toEqual([0, 0]);
    }),
    { numRuns: 50 },
  );
});
