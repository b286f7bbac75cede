import { expect, test } from 'vitest';
import { faultsOf, type Read, type Told, type Watched, type Write } from './history.ts';

/** Began and ended at these steps; `a1` is the value 1 of key a. */
function write(
  [began, ended]: readonly [number, number],
  what: string,
  base: bigint,
  outcome: Write['outcome'],
): Write {
  return { kind: 'write', began, ended, ...named(what), base, outcome };
}

function read([began, ended]: readonly [number, number], what: string, revision: bigint): Read {
  return { kind: 'read', began, ended, ...named(what), revision };
}

function watch(since: bigint, ...told: readonly (readonly [string, bigint])[]): Watched {
  const events: Told[] = told.map(([what, revision]) => ({ ...named(what), revision }));
  return { name: 'watch', since, told: events.map((each) => ({ ...each, connection: 0 })) };
}

function named(what: string) {
  return { key: what.slice(0, 1), value: what.slice(1) };
}

function judge(operations: readonly (Write | Read)[], ...watches: readonly Watched[]) {
  return faultsOf({ operations, watches });
}

const created = write([1, 2], 'a1', 0n, 5n);

test('a history of one register per key is right', () => {
  const operations = [
    created,
    // Side by side: either may come first.
    write([3, 6], 'a2', 5n, 7n),
    write([4, 7], 'a3', 5n, 'refused'),
    read([3, 5], 'a1', 5n),
    read([4, 5], 'a2', 7n),
    write([8, 9], 'b1', 0n, 8n),
    // Nobody answered; a watch tells that it was done.
    write([10, 12], 'a4', 7n, 'unknown'),
    read([13, 14], 'a4', 9n),
    read([0, 3], 'a', 0n),
  ];
  const whole = watch(0n, ['a1', 5n], ['a2', 7n], ['b1', 8n], ['a4', 9n]);
  // One that began later, and ended earlier.
  expect(judge(operations, whole, watch(5n, ['a2', 7n], ['b1', 8n]))).toEqual([]);
});

test('two writes over the same version are a lost update', () => {
  const both = [write([3, 6], 'a2', 5n, 6n), write([4, 7], 'a3', 5n, 7n)];
  expect(judge([created, ...both])).toEqual(['lost update: a=3 over 5 got 7, after 6']);
  const unanswered = write([4, 7], 'a3', 5n, 'unknown');
  expect(judge([created, write([3, 6], 'a2', 5n, 6n), unanswered, read([8, 9], 'a3', 7n)])).toEqual(
    ['lost update: a=3 over 5 got 7, after 6'],
  );
});

test('a read that began after an answer and knows less is stale', () => {
  const second = write([3, 4], 'a2', 5n, 6n);
  expect(judge([created, second, read([5, 6], 'a1', 5n)])).toEqual([
    'stale: read of a at 5, 6 known',
  ]);
  expect(judge([created, read([3, 4], 'a', 0n)])).toEqual(['stale: read of a at 0, 5 known']);
  // What one read told, the next one has to know as well.
  const slow = write([3, 9], 'a2', 5n, 6n);
  expect(judge([created, slow, read([4, 5], 'a2', 6n), read([6, 7], 'a1', 5n)])).toEqual([
    'stale: read of a at 5, 6 known',
  ]);
});

test('refusals need a reason, and what was refused is not stored', () => {
  expect(judge([created, write([3, 4], 'a2', 5n, 'refused')])).toEqual([
    'refused without a reason: a=2 over 5',
  ]);
  const refused = write([3, 4], 'a2', 5n, 'refused');
  expect(judge([created, refused, read([5, 6], 'a2', 6n)])).toEqual([
    'refused, and yet stored: a=2 at 6',
  ]);
});

test('values come from writes, once, and a revision is one of them', () => {
  expect(judge([created, read([3, 4], 'a9', 6n)])).toEqual(['nobody wrote a=9 at 6']);
  expect(judge([created, read([3, 4], 'a1', 6n)])).toEqual(['stored a second time: a=1 at 6']);
  expect(judge([created, write([1, 2], 'a2', 0n, 5n)])).toContain('revision 5 is both a=1 and a=2');
});

test('the revisions of all keys follow the order of the writes', () => {
  expect(judge([created, write([3, 4], 'b1', 0n, 4n)])).toEqual(['out of order: b=1 came after 5']);
});

test('a watch that loses, repeats or turns round is caught', () => {
  const operations = [created, write([3, 4], 'b1', 0n, 6n), write([5, 6], 'a2', 5n, 7n)];
  const [a1, b1, a2] = [
    ['a1', 5n],
    ['b1', 6n],
    ['a2', 7n],
  ] as const;
  expect(judge(operations, watch(0n, a1, a2))).toEqual(['watch did not tell b at 6']);
  expect(judge(operations, watch(0n, a1, b1, b1, a2))).toEqual(['watch told b at 6 twice']);
  expect(judge(operations, watch(0n, a1, a2, b1))).toEqual(['watch told b at 6 after 7']);
  expect(judge(operations, watch(5n, a1, b1, a1))).toEqual(['watch told a at 5 twice']);
});

test('writes that share a revision are told, each of them, and again by who goes on from it', () => {
  const operations = [created, write([1, 2], 'b1', 0n, 5n), write([3, 4], 'a2', 5n, 6n)];
  const [a1, b1, a2] = [
    ['a1', 5n],
    ['b1', 5n],
    ['a2', 6n],
  ] as const;
  expect(judge(operations, watch(0n, a1, b1, a2))).toEqual([]);
  expect(judge(operations, watch(0n, a1, a2))).toEqual(['watch did not tell b at 5']);
  const { told, ...rest } = watch(0n, a1, b1, b1, a2);
  const resumed = told.map((each, i) => ({ ...each, connection: i < 2 ? 0 : 1 }));
  expect(judge(operations, { ...rest, told })).toEqual(['watch told b at 5 twice']);
  expect(judge(operations, { ...rest, told: resumed })).toEqual([]);
});
