import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { maxKeyBytes, maxTxnOperations, maxValueBytes, type Store } from '../../store/index.ts';
import {
  bytes,
  never,
  put,
  putting,
  reasonOf,
  record,
  remove,
  text,
  write,
} from '../harness/store.ts';
import type { StoreFixture } from './store.ts';

/** txn: comparison, atomicity, revisions, races, limits; and what outlives close. */
export function txnContract({ store, place }: StoreFixture): void {
  describe('txn', () => {
    test('carries out `then` if all comparisons hold, else `otherwise`', async () => {
      const a = await put(store(), 'a', '1');
      const compare = [
        { key: 'a', modRevision: a },
        { key: 'b', modRevision: 0n },
      ];
      const txn = { compare, then: [putting('b', 'yes')], otherwise: [putting('b', 'no')] };
      const first = await store().txn(txn, never);
      expect(first).toEqual({ succeeded: true, revision: a + 1n, entries: [undefined] });
      const second = await store().txn(txn, never);
      expect(second).toMatchObject({ succeeded: false, revision: a + 2n });
      expect(text((await store().get('b', never))?.value)).toBe('no');
    });

    test("all writes carry one revision, which is the result's", async () => {
      await write(store(), putting('c', 'old'));
      const { revision } = await write(store(), putting('a', '1'), putting('b', '2'), {
        type: 'delete',
        key: 'c',
      });
      const { entries } = await store().list('', never);
      expect(entries.map(({ key, modRevision }) => [key, modRevision])).toEqual([
        ['a', revision],
        ['b', revision],
      ]);
      expect(await store().revision(never)).toBe(revision);
    });

    test('gives one element per operation; a get sees the writes before it', async () => {
      const old = await put(store(), 'a', 'old');
      const { entries, revision } = await write(
        store(),
        { type: 'get', key: 'a' },
        putting('a', 'new'),
        { type: 'get', key: 'a' },
        { type: 'delete', key: 'nothing' },
        { type: 'get', key: 'nothing' },
      );
      const shown = entries.map((e) => e && [e.key, text(e.value), e.modRevision]);
      expect(shown).toEqual([
        ['a', 'old', old],
        undefined,
        ['a', 'new', revision],
        undefined,
        undefined,
      ]);
      const deleted = await write(
        store(),
        { type: 'delete', key: 'a' },
        { type: 'get', key: 'a' },
        { type: 'delete', key: 'a' },
      );
      expect(text(deleted.entries[0]?.value)).toBe('new');
      expect(deleted.entries.slice(1)).toEqual([undefined, undefined]);
    });

    test('takes no revision unless it changes something', async () => {
      const before = await put(store(), 'a', '1');
      const reading = await write(store(), { type: 'get', key: 'a' });
      expect(reading.revision).toBe(before);
      const nothing = await write(store(), { type: 'delete', key: 'nothing' });
      expect(nothing).toMatchObject({ succeeded: true, revision: before });
      const failed = await store().txn(
        { compare: [{ key: 'a', modRevision: 0n }], then: [putting('a', 'x')], otherwise: [] },
        never,
      );
      expect(failed).toEqual({ succeeded: false, revision: before, entries: [] });
      expect(await store().revision(never)).toBe(before);
      // The same value again is a write all the same.
      expect(await put(store(), 'a', '1')).toBe(before + 1n);
    });

    test('a comparison with a deleted key holds as with one that never was', async () => {
      const old = await put(store(), 'a', '1');
      await remove(store(), 'a');
      const creating = (modRevision: bigint) =>
        store().txn(
          { compare: [{ key: 'a', modRevision }], then: [putting('a', '2')], otherwise: [] },
          never,
        );
      expect((await creating(old)).succeeded).toBe(false);
      expect((await creating(0n)).succeeded).toBe(true);
    });

    test('of many that compare the same revision exactly one wins', {
      timeout: 120_000,
    }, async () => {
      let current = await put(store(), 'n', '0');
      for (let round = 1; round <= 20; round += 1) {
        const results = await Promise.all(
          Array.from({ length: 16 }, (_, i) => compareAndPut(store(), current, `${round} ${i}`)),
        );
        const winners = results.flatMap(({ succeeded }, i) => (succeeded ? [i] : []));
        expect(winners.length).toBe(1);
        const entry = await store().get('n', never);
        expect(text(entry?.value)).toBe(`${round} ${winners[0]}`);
        expect(entry?.modRevision).toBe(current + 1n);
        current += 1n;
      }
    });

    test('concurrent writers get a revision each, without gaps', { timeout: 120_000 }, async () => {
      const start = await store().revision(never);
      const watching = record(store(), 'w/', start);
      const revisions = await Promise.all(
        Array.from({ length: 200 }, (_, i) => put(store(), `w/${i % 50}`, String(i))),
      );
      const expected = Array.from({ length: 200 }, (_, i) => start + BigInt(i) + 1n);
      expect([...revisions].sort((a, b) => Number(a - b))).toEqual(expected);
      await watching.until(200);
      expect((await watching.stop()).map(({ revision }) => revision)).toEqual(expected);
    });

    test('nobody ever sees half of a transaction', { timeout: 120_000 }, async () => {
      const both = (value: string) => [putting('x/1', value), putting('x/2', value)];
      await write(store(), ...both('0'));
      let isOver = false;
      const reading = (async () => {
        while (!isOver) {
          const { entries } = await store().list('x/', never);
          expect(text(entries[0]?.value)).toBe(text(entries[1]?.value));
          await nextTurn();
        }
      })();
      for (let i = 1; i <= 100; i += 1) await write(store(), ...both(String(i)));
      isOver = true;
      await reading;
    });
  });

  describe('limits', () => {
    test('takes values of 1.5 MB, and says TooLarge beyond', { timeout: 120_000 }, async () => {
      const largest = Buffer.alloc(maxValueBytes, 7);
      const key = 'k'.repeat(maxKeyBytes);
      await write(store(), { type: 'put', key, value: largest });
      const entry = await store().get(key, never);
      expect(Buffer.compare(entry?.value ?? bytes(''), largest)).toBe(0);
      const since = await store().revision(never);
      const watching = record(store(), '', since);
      // Its event carries the old value and the new: 3 MB.
      await write(store(), { type: 'put', key, value: Buffer.alloc(maxValueBytes, 8) });
      const [set] = await watching.until(1);
      expect(set?.changes[0]?.previous?.value.length).toBe(maxValueBytes);
      await watching.stop();
      const larger = Buffer.alloc(maxValueBytes + 1);
      const refused = write(store(), { type: 'put', key: 'b', value: larger });
      expect(await reasonOf(refused)).toBe('TooLarge');
      const half = Buffer.alloc(800_000);
      const both = (['c', 'd'] as const).map(
        (k) => ({ type: 'put', key: k, value: half }) as const,
      );
      expect(await reasonOf(write(store(), ...both))).toBe('TooLarge');
      expect(await store().revision(never)).toBe(since + 1n);
    });

    test('takes 128 operations and comparisons, and says TooLarge beyond', async () => {
      const keys = Array.from({ length: maxTxnOperations }, (_, i) => `${i}/${'k'.repeat(600)}`);
      const compare = keys.map((key) => ({ key, modRevision: 0n }));
      const then = keys.map((key) => putting(key, 'x'));
      const result = await store().txn({ compare, then, otherwise: then }, never);
      expect(result.succeeded).toBe(true);
      expect(await reasonOf(write(store(), ...then, putting('one', 'more')))).toBe('TooLarge');
      const more = [...compare, { key: 'one', modRevision: 0n }];
      const refused = store().txn({ compare: more, then: [], otherwise: [] }, never);
      expect(await reasonOf(refused)).toBe('TooLarge');
    });

    test('refuses keys that are too long, empty, or written twice', async () => {
      const long = putting('k'.repeat(maxKeyBytes + 1), 'x');
      expect(await reasonOf(write(store(), long))).toBe('TooLarge');
      await expect(write(store(), putting('', 'x'))).rejects.toThrow(TypeError);
      await expect(write(store(), putting('a', 'x'), putting('a', 'y'))).rejects.toThrow(TypeError);
      const both = [putting('a', 'x'), { type: 'delete', key: 'a' } as const];
      await expect(write(store(), ...both)).rejects.toThrow(TypeError);
      await expect(write(store(), ...both.reverse())).rejects.toThrow(TypeError);
    });
  });

  describe('close', () => {
    test('what was acknowledged is there after opening again', async () => {
      await put(store(), 'a', '1');
      const old = await put(store(), 'a', '2');
      const last = await remove(store(), 'b').then(() => put(store(), 'c', '3'));
      await store().close();
      const again = await place().open();
      try {
        expect(await again.revision(never)).toBe(last);
        expect(text((await again.get('a', never))?.value)).toBe('2');
        expect(await again.get('c', { ...never, at: old })).toBeUndefined();
        const watching = record(again, '', old - 1n);
        await watching.until(2);
        expect((await watching.stop()).map(({ revision }) => revision)).toEqual([old, last]);
        expect(await put(again, 'd', '4')).toBe(last + 1n);
      } finally {
        await again.close();
      }
    });

    test('ends running watches, refuses later calls, and may be repeated', async () => {
      const watching = record(store(), '', await put(store(), 'a', '1'));
      await put(store(), 'a', '2');
      await watching.until(1);
      await store().close();
      await watching.ended;
      await store().close();
      expect(await reasonOf(store().get('a', never))).toBe('Closed');
      expect(await reasonOf(store().list('a', never))).toBe('Closed');
      expect(await reasonOf(put(store(), 'a', '3'))).toBe('Closed');
      expect(await reasonOf(store().revision(never))).toBe('Closed');
      expect(await reasonOf(store().compact(2n, never))).toBe('Closed');
      expect(await reasonOf(record(store(), '', 1n).ended)).toBe('Closed');
    });
  });
}

function compareAndPut(store: Store, modRevision: bigint, value: string) {
  return store.txn(
    { compare: [{ key: 'n', modRevision }], then: [putting('n', value)], otherwise: [] },
    never,
  );
}
