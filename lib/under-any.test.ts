import { expect, test } from 'vitest';
import { collectGarbage, leftOn } from '../test/harness/garbage.ts';
import { systemClock } from './clock.ts';
import { underAny } from './under-any.ts';
import { within } from './within.ts';

test('aborts with the first of its signals, and with its reason', async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const task = (signal: AbortSignal) => systemClock.sleep(60_000, signal);
  const ending = underAny([one.signal, two.signal], task);
  two.abort(new Error('two'));
  one.abort(new Error('one'));
  await expect(ending).rejects.toThrow('two');
  await expect(underAny([one.signal], task)).rejects.toThrow('one');
});

test('leaves nothing on its signals, whatever becomes of the task', async () => {
  const { signal } = new AbortController();
  const given: AbortSignal[] = [];
  for (let i = 0; i < 20; i += 1) {
    expect(await underAny([signal], async (any) => given.push(any))).toBe(i + 1);
    await expect(underAny([signal], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await within(60_000, systemClock, signal, async () => undefined);
  }
  expect(leftOn(signal)).toBe(0);
  expect(given.some(({ aborted }) => aborted)).toBe(false);
});

test('a timeout comes, whatever is collected before', async () => {
  const { signal } = new AbortController();
  const late = underAny([signal, AbortSignal.timeout(50)], (any) => systemClock.sleep(60_000, any));
  await Promise.all([
    expect(late).rejects.toMatchObject({ name: 'TimeoutError' }),
    collectGarbage(),
  ]);
});
