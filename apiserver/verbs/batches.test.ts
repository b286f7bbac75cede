import { queryObjects } from 'node:v8';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { collectGarbage } from '../../test/harness/garbage.ts';
import { Batches } from './batches.ts';

const never = new AbortController().signal;

test('a wait is over with the batch, the time or the signal, and taken up again', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let come = (_: string) => {};
  const batches = new Batches(
    (async function* () {
      for (;;)
        yield await new Promise<string>((resolve) => {
          come = resolve;
        });
    })(),
  );
  const late = batches.nextWithin(15_000, clock, stop.signal);
  await clock.advance(15_000);
  expect(await late).toBe('timeout');
  come('first');
  expect(await batches.nextWithin(15_000, clock, stop.signal)).toBe('first');
  const next = batches.nextWithin(15_000, clock, stop.signal);
  await clock.advance(1);
  come('second');
  expect(await next).toBe('second');
  const ended = batches.nextWithin(15_000, clock, stop.signal);
  stop.abort();
  expect(await ended).toBe('ended');
});

test('what the source throws is thrown, and its end is the end', async () => {
  const clock = new FakeClock();
  const failing = new Batches({ next: () => Promise.reject(new Error('lost')) });
  await expect(failing.nextWithin(15_000, clock, never)).rejects.toThrow('lost');
  const empty = new Batches(
    (async function* () {
      yield 1;
    })(),
  );
  expect(await empty.nextWithin(15_000, clock, never)).toBe(1);
  expect(await empty.nextWithin(15_000, clock, never)).toBe('ended');
});

test('a quiet watch keeps nothing of its waits', async () => {
  const clock = new FakeClock();
  const batches = new Batches({ next: () => new Promise<IteratorResult<string>>(() => undefined) });
  const promises = async () => {
    await collectGarbage();
    return queryObjects(Promise, { format: 'count' });
  };
  const before = await promises();
  for (let i = 0; i < 200; i += 1) {
    const waited = batches.nextWithin(15_000, clock, never);
    await clock.advance(15_000);
    expect(await waited).toBe('timeout');
  }
  expect(await promises()).toBeLessThan(before + 100);
});
