import { expect, test } from 'vitest';
import { orAborted } from './or-aborted.ts';

test('work that is quicker is answered', async () => {
  const { signal } = new AbortController();
  expect(await orAborted(Promise.resolve(1), signal)).toBe(1);
});

test("a signal that is quicker ends the wait, and what fails later is nobody's", async () => {
  const given = new AbortController();
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const outcome = orAborted(work, given.signal);
  given.abort(new Error('given up'));
  await expect(outcome).rejects.toThrow('given up');
  fail(new Error('too late'));
});

test('a signal that was aborted before is heeded', async () => {
  const gone = AbortSignal.abort(new Error('given up'));
  await expect(orAborted(Promise.resolve(1), gone)).rejects.toThrow('given up');
});
