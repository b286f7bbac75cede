import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

const { signal } = new AbortController();

function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

test('no more at once than there are slots, in the order of coming', async () => {
  const slots = new Slots(2);
  const gates = Array.from({ length: 4 }, gate);
  const begun: number[] = [];
  const tasks = gates.map(({ passed }, at) =>
    slots.hold(
      async () => {
        begun.push(at);
        await passed;
      },
      { signal },
    ),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  gates[1]?.open();
  await tasks[1];
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  for (const { open } of gates) open();
  await Promise.all(tasks);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('who waits aside lets others in, and a failure gives the slot back', async () => {
  const slots = new Slots(1);
  const long = gate();
  const first = slots.hold(() => slots.aside(() => long.passed), { signal });
  await expect(slots.hold(() => Promise.reject(new Error('no')), { signal })).rejects.toThrow('no');
  expect(await slots.hold(async () => 'second', { signal })).toBe('second');
  long.open();
  await first;
  expect(await slots.hold(async () => 'third', { signal })).toBe('third');
});

test('an aborted task does not run', async () => {
  const slots = new Slots(1);
  const aborted = AbortSignal.abort(new Error('superseded'));
  await expect(slots.hold(async () => 'ran', { signal: aborted })).rejects.toThrow('superseded');
  expect(await slots.hold(async () => 'next', { signal })).toBe('next');
});
