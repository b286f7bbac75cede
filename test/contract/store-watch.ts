import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { describeSet, never, put, putting, record, remove, write } from '../harness/store.ts';
import type { StoreFixture } from './store.ts';

/** How long a watch that must stay silent is listened to. */
const silenceMs = 300;

/** watch: grouping, previous, where it begins, prefixes, ends, many at once. */
export function watchContract({ store }: StoreFixture): void {
  describe('watch', () => {
    test('gives each revision as one set, in key order, with what was before', async () => {
      const base = await store().revision(never);
      const watching = record(store(), 'k/', base);
      await write(store(), putting('k/c', '1'), putting('k/a', '1'), putting('k/b', '1'));
      await write(store(), putting('k/b', '2'), { type: 'delete', key: 'k/a' });
      await remove(store(), 'k/b');
      await put(store(), 'k/b', '3');
      await watching.until(4);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, base))).toEqual([
        '1: +k/a=1 +k/b=1 +k/c=1',
        '2: -k/a (was 1) +k/b=2 (was 1)',
        '3: -k/b (was 2)',
        '4: +k/b=3',
      ]);
      const [change] = sets[3]?.changes ?? [];
      expect(change).toMatchObject({
        type: 'put',
        entry: { modRevision: base + 4n, createRevision: base + 4n },
      });
      expect(sets[1]?.changes[1]?.previous).toMatchObject({
        key: 'k/b',
        modRevision: base + 1n,
        createRevision: base + 1n,
      });
      expect(sets[2]?.changes[0]).toMatchObject({ type: 'delete', revision: base + 3n });
    });

    test('leaves out what was before for who does not want it', async () => {
      const base = await store().revision(never);
      const watching = record(store(), 'k/', base, { previous: false });
      await put(store(), 'k/a', '1');
      await put(store(), 'k/a', '2');
      await remove(store(), 'k/a');
      await watching.until(3);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, base))).toEqual([
        '1: +k/a=1',
        '2: +k/a=2',
        '3: -k/a',
      ]);
    });

    test('begins in the middle of history and goes on with what is new', async () => {
      const base = await store().revision(never);
      for (let i = 1; i <= 10; i += 1) await put(store(), 'h', String(i));
      const watching = record(store(), 'h', base + 4n);
      await watching.until(6);
      for (let i = 11; i <= 13; i += 1) await put(store(), 'h', String(i));
      await watching.until(9);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, base))).toEqual(
        Array.from({ length: 9 }, (_, i) => `${i + 5}: +h=${i + 5} (was ${i + 4})`),
      );
    });

    test('beginning now, hears nothing of the past', async () => {
      const now = await put(store(), 'n', '1');
      const watching = record(store(), 'n', now);
      await sleep(silenceMs);
      expect(watching.sets).toEqual([]);
      const next = await put(store(), 'n', '2');
      await watching.until(1);
      expect((await watching.stop()).map(({ revision }) => revision)).toEqual([next]);
    });

    test('beginning at 0, hears everything', async () => {
      const first = await put(store(), 'n', '1');
      const watching = record(store(), 'n', 0n);
      await watching.until(1);
      expect((await watching.stop())[0]?.revision).toBe(first);
    });

    test('beginning in the future, is silent until then', async () => {
      const now = await put(store(), 'f', '0');
      const watching = record(store(), 'f', now + 3n);
      await sleep(silenceMs);
      for (let i = 1; i <= 5; i += 1) await put(store(), 'f', String(i));
      await watching.until(2);
      await sleep(silenceMs);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, now))).toEqual([
        '4: +f=4 (was 3)',
        '5: +f=5 (was 4)',
      ]);
    });

    test('hears of its prefix only, and of a revision only that part', async () => {
      const base = await store().revision(never);
      const watching = record(store(), 'p/', base);
      await write(store(), putting('p', 'x'), putting('p/1', 'x'), putting('p0', 'x'));
      await put(store(), 'q/1', 'x');
      await write(store(), putting('p/2', 'x'), putting('o', 'x'));
      await watching.until(2);
      const sets = await watching.stop();
      expect(sets.map((set) => describeSet(set, base))).toEqual(['1: +p/1=x', '3: +p/2=x']);
    });

    test('ends without error when its signal aborts, wherever it is', async () => {
      const base = await store().revision(never);
      await record(store(), '', base).stop();
      for (let i = 0; i < 5; i += 1) await put(store(), 'a', String(i));
      const controller = new AbortController();
      const heard = [];
      for await (const set of store().watch('', { since: base, signal: controller.signal })) {
        heard.push(set);
        if (heard.length === 2) controller.abort();
      }
      expect(heard.length).toBe(2);
      const aborted = store().watch('', { since: base, signal: AbortSignal.abort() });
      for await (const _ of aborted) throw new Error('it should be over');
    });

    test('can be left by its reader', async () => {
      const base = await store().revision(never);
      await put(store(), 'a', '1');
      const { signal } = new AbortController();
      for await (const set of store().watch('', { since: base, signal })) {
        expect(set.revision).toBe(base + 1n);
        break;
      }
      expect(await put(store(), 'a', '2')).toBe(base + 2n);
    });

    test('is prompt', async () => {
      const watching = record(store(), 'a', await store().revision(never));
      await put(store(), 'a', '0');
      await watching.until(1);
      const delays: number[] = [];
      for (let i = 1; i <= 20; i += 1) {
        await put(store(), 'a', String(i));
        const sentAt = performance.now();
        await watching.until(i + 1);
        delays.push(performance.now() - sentAt);
      }
      await watching.stop();
      delays.sort((a, b) => a - b);
      expect(delays[10]).toBeLessThan(250);
    });

    test('many at once hear the same', { timeout: 120_000 }, async () => {
      const base = await store().revision(never);
      // Not more: etcd 3.4 takes ever longer to find the entries before, and answers no write meanwhile.
      const watches = Array.from({ length: 20 }, () => record(store(), 'm/', base));
      await Promise.all(Array.from({ length: 60 }, (_, i) => put(store(), `m/${i % 7}`, `${i}`)));
      const heard = [];
      for (const watching of watches) {
        await watching.until(60);
        heard.push((await watching.stop()).map((set) => describeSet(set)).join('\n'));
      }
      expect(new Set(heard).size).toBe(1);
      expect(heard[0]?.split('\n').length).toBe(60);
    });

    test('a reader that is slow misses nothing', { timeout: 120_000 }, async () => {
      const base = await store().revision(never);
      const { signal } = new AbortController();
      const heard: bigint[] = [];
      await put(store(), 's/first', 'x');
      for await (const set of store().watch('s/', { since: base, signal })) {
        heard.push(set.revision);
        if (heard.length % 300 === 1 && heard.length < 900) {
          await Promise.all(Array.from({ length: 300 }, (_, i) => put(store(), `s/${i}`, 'x')));
        }
        if (heard.length === 901) break;
      }
      expect(heard).toEqual(Array.from({ length: 901 }, (_, i) => base + BigInt(i) + 1n));
    });
  });
}
