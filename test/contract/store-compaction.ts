import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  describeSet,
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

/** compact: what is refused afterwards, and what must survive. */
export function compactionContract({ store, place }: StoreFixture): void {
  describe('compact', () => {
    test('refuses reads and watches of what is older', async () => {
      const one = await put(store(), 'a', '1');
      const two = await put(store(), 'a', '2');
      const three = await put(store(), 'a', '3');
      await store().compact(two, never);
      expect(await reasonOf(store().get('a', { ...never, at: one }))).toBe('Compacted');
      expect(await reasonOf(store().list('', { ...never, at: one }))).toBe('Compacted');
      expect(await reasonOf(record(store(), '', one).ended)).toBe('Compacted');
      expect(await reasonOf(record(store(), 'nothing/here', 0n).ended)).toBe('Compacted');
      expect(text((await store().get('a', { ...never, at: two }))?.value)).toBe('2');
      const watching = record(store(), '', two);
      await watching.until(1);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, three))).toEqual(['0: +a=3 (was 2)']);
    });

    test('keeps every value that is visible from then on', async () => {
      await write(store(), putting('old', 'kept'), putting('gone', 'x'), putting('back', '1'));
      await remove(store(), 'gone');
      await remove(store(), 'back');
      await put(store(), 'old', 'kept 2');
      const at = await put(store(), 'back', '2');
      const late = await put(store(), 'late', 'x');
      await store().compact(at, never);
      const shown = async (revision?: bigint) => {
        const options = revision === undefined ? never : { ...never, at: revision };
        const { entries } = await store().list('', options);
        return entries.map(({ key, value }) => `${key}=${text(value)}`);
      };
      expect(await shown(at)).toEqual(['back=2', 'old=kept 2']);
      expect(await shown(late)).toEqual(['back=2', 'late=x', 'old=kept 2']);
      await store().compact(late, never);
      expect(await shown()).toEqual(['back=2', 'late=x', 'old=kept 2']);
      expect(await store().revision(never)).toBe(late);
      const watching = record(store(), 'old', late);
      await remove(store(), 'old');
      const [set] = await watching.until(1);
      expect(text(set?.changes[0]?.previous?.value)).toBe('kept 2');
      await watching.stop();
    });

    test('of the newest revision, a deletion, leaves the revision as it was', async () => {
      await put(store(), 'a', '1');
      const last = await remove(store(), 'a');
      await store().compact(last, never);
      expect(await store().revision(never)).toBe(last);
      expect(await reasonOf(record(store(), '', last - 1n).ended)).toBe('Compacted');
      await store().close();
      const again = await place().open();
      expect(await again.revision(never)).toBe(last);
      expect(await put(again, 'a', '2')).toBe(last + 1n);
      await again.close();
    });

    test('may be repeated or come late, but not be ahead of the store', async () => {
      const one = await put(store(), 'a', '1');
      const two = await put(store(), 'a', '2');
      await store().compact(two, never);
      await store().compact(two, never);
      await store().compact(one, never);
      await store().compact(0n, never);
      expect(await reasonOf(store().compact(two + 1n, never))).toBe('FutureRevision');
    });

    test('does not disturb a watch that is up to date', async () => {
      const start = await put(store(), 'a', '0');
      const watching = record(store(), 'a', start);
      let last = start;
      for (let i = 1; i <= 30; i += 1) {
        last = await put(store(), 'a', String(i));
        await watching.through(last);
        await store().compact(last, never);
      }
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, start))).toEqual(
        Array.from({ length: 30 }, (_, i) => `${i + 1}: +a=${i + 1} (was ${i})`),
      );
    });

    test('works beside writers', { timeout: 120_000 }, async () => {
      let last = await store().revision(never);
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; i < 100; i += 1) last = await put(store(), `w/${writer}/${i % 5}`, `${i}`);
      });
      let isOver = false;
      const over = Promise.all(writers).then(() => {
        isOver = true;
      });
      while (!isOver) {
        await store().compact(last, never);
        await nextTurn();
      }
      await over;
      const { entries } = await store().list('w/', never);
      expect(entries.length).toBe(20);
      expect(entries.every((entry, i) => text(entry.value) === String(95 + (i % 5)))).toBe(true);
    });
  });
}
