import { describe, expect, test } from 'vitest';
import { never, pages, put, putting, reasonOf, remove, text, write } from '../harness/store.ts';
import type { StoreFixture } from './store.ts';

/** get, list, revision: newest and older ones, pages, order, large listings. */
export function readContract({ store }: StoreFixture): void {
  describe('get', () => {
    test('finds what was put, with its revisions', async () => {
      expect(await store().get('a', never)).toBeUndefined();
      const created = await put(store(), 'a', 'one');
      const modified = await put(store(), 'a', 'two');
      expect(modified).toBe(created + 1n);
      const entry = await store().get('a', never);
      expect({ ...entry, value: text(entry?.value) }).toEqual({
        key: 'a',
        value: 'two',
        modRevision: modified,
        createRevision: created,
      });
    });

    test('a key that was deleted and put again counts as created again', async () => {
      await put(store(), 'a', 'one');
      await remove(store(), 'a');
      expect(await store().get('a', never)).toBeUndefined();
      const again = await put(store(), 'a', 'two');
      expect(await store().get('a', never)).toMatchObject({ createRevision: again });
    });

    test('reads as of every revision there was', async () => {
      const start = await store().revision(never);
      const one = await put(store(), 'a', 'one');
      const other = await put(store(), 'b', 'x');
      const two = await put(store(), 'a', 'two');
      const gone = await remove(store(), 'a');
      const three = await put(store(), 'a', 'three');
      const values = [];
      for (const at of [start, one, other, two, gone, three]) {
        values.push(text((await store().get('a', { ...never, at }))?.value));
      }
      expect(values).toEqual([undefined, 'one', 'one', 'two', undefined, 'three']);
      const old = await store().get('a', { ...never, at: other });
      expect(old).toMatchObject({ modRevision: one, createRevision: one });
    });

    test('refuses a revision that does not exist yet', async () => {
      const at = (await put(store(), 'a', 'one')) + 1n;
      expect(await reasonOf(store().get('a', { ...never, at }))).toBe('FutureRevision');
      expect(await reasonOf(store().list('', { ...never, at }))).toBe('FutureRevision');
    });

    test('finds nothing under what can be no key', async () => {
      await put(store(), 'a', 'one');
      expect(await store().get('', never)).toBeUndefined();
      expect(await store().get('a'.repeat(5_000), never)).toBeUndefined();
    });

    test('keeps empty values, zero bytes and characters of every length', async () => {
      for (const key of ['empty', 'a\0b', 'ü', '日本', '🚢', 'a b/c%2F"']) {
        await put(store(), key, key === 'empty' ? '' : `value of ${key}`);
      }
      expect(text((await store().get('empty', never))?.value)).toBe('');
      for (const key of ['a\0b', 'ü', '日本', '🚢', 'a b/c%2F"']) {
        const entry = await store().get(key, never);
        expect([entry?.key, text(entry?.value)]).toEqual([key, `value of ${key}`]);
      }
    });
  });

  describe('list', () => {
    test('gives the keys under a prefix and no others', async () => {
      const keys = ['a/1', 'a/2', 'a', 'ab', 'b/1', 'a0', 'a/'];
      for (const key of keys) await put(store(), key, key);
      const listed = async (prefix: string) =>
        (await store().list(prefix, never)).entries.map(({ key }) => key);
      expect(await listed('a/')).toEqual(['a/', 'a/1', 'a/2']);
      expect(await listed('a')).toEqual(['a', 'a/', 'a/1', 'a/2', 'a0', 'ab']);
      expect(await listed('')).toEqual(['a', 'a/', 'a/1', 'a/2', 'a0', 'ab', 'b/1']);
      expect(await listed('nothing')).toEqual([]);
      expect(await listed('x'.repeat(5_000))).toEqual([]);
    });

    test('orders keys by their bytes, not as JavaScript compares strings', async () => {
      // U+FFFD sorts before U+1F6A2 in UTF-8, but behind its surrogates in UTF-16.
      const keys = ['k\u{1F6A2}', 'k\u{FFFD}', 'k\0', 'k', 'kZ', 'ka', 'kä', 'k\x01', 'k\0\0'];
      await write(store(), ...keys.map((key) => putting(key, 'x')));
      const inOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const page = await store().list('k', never);
      expect(page.entries.map(({ key }) => key)).toEqual(inOrder);
      await put(store(), 'other', 'x');
      const older = await store().list('k', { ...never, at: page.revision });
      expect(older.entries.map(({ key }) => key)).toEqual(inOrder);
      expect((await pages(store(), 'k', 2)).flat()).toEqual(inOrder);
    });

    test('pages say how many entries remain, and go on after the last key', async () => {
      const keys = Array.from({ length: 25 }, (_, i) => `p/${String(i).padStart(3, '0')}`);
      await write(store(), ...keys.map((key) => putting(key, key)), putting('q', 'x'));
      const first = await store().list('p/', { ...never, limit: 10 });
      expect([first.entries.length, first.remaining]).toEqual([10, 15]);
      const last = await store().list('p/', { ...never, limit: 10, after: 'p/019' });
      expect([last.entries.map(({ key }) => key), last.remaining]).toEqual([keys.slice(20), 0]);
      const exact = await store().list('p/', { ...never, limit: 5, after: 'p/019' });
      expect([exact.entries.length, exact.remaining]).toEqual([5, 0]);
      expect((await pages(store(), 'p/', 7)).map((page) => page.length)).toEqual([7, 7, 7, 4]);
      expect(await store().list('p/', { ...never, limit: 0 })).toMatchObject({
        entries: [],
        remaining: 25,
      });
    });

    test('`after` outside the prefix takes all or nothing', async () => {
      await write(store(), ...['p/1', 'p/2'].map((key) => putting(key, key)));
      const count = async (after: string) =>
        (await store().list('p/', { ...never, after })).entries.length;
      expect(await count('a')).toBe(2);
      expect(await count('p/')).toBe(2);
      expect(await count('p/1')).toBe(1);
      expect(await count('p/2')).toBe(0);
      expect(await count('z')).toBe(0);
      expect(await count(`p/1${'x'.repeat(5_000)}`)).toBe(1);
    });

    test('a listing at a revision does not see later writes', async () => {
      await write(store(), ...['l/a', 'l/b', 'l/c', 'l/d'].map((key) => putting(key, 'old')));
      const { revision: at } = await store().list('l/', { ...never, limit: 1 });
      await put(store(), 'l/a', 'new');
      await remove(store(), 'l/b');
      await put(store(), 'l/bb', 'new');
      await remove(store(), 'l/d');
      const page = await store().list('l/', { ...never, at, limit: 2, after: 'l/a' });
      expect(page.entries.map(({ key, value }) => `${key}=${text(value)}`)).toEqual([
        'l/b=old',
        'l/c=old',
      ]);
      expect([page.revision, page.remaining]).toEqual([at, 1]);
      const newest = await store().list('l/', never);
      expect(newest.entries.map(({ key, value }) => `${key}=${text(value)}`)).toEqual([
        'l/a=new',
        'l/bb=new',
        'l/c=old',
      ]);
      expect(newest.revision).toBe(at + 4n);
    });

    test('gives 10,000 entries and more than 4 MB in one page', { timeout: 120_000 }, async () => {
      const count = 10_000;
      const value = 'v'.repeat(600);
      const key = (i: number) => `big/${String(i).padStart(5, '0')}`;
      const batches = Array.from({ length: count / 100 }, (_, batch) =>
        Array.from({ length: 100 }, (_, i) => putting(key(batch * 100 + i), value)),
      );
      for (let i = 0; i < batches.length; i += 10) {
        await Promise.all(batches.slice(i, i + 10).map((batch) => write(store(), ...batch)));
      }
      const page = await store().list('big/', never);
      expect(page.entries.length).toBe(count);
      expect(page.remaining).toBe(0);
      expect(page.entries.every((entry, i) => entry.key === key(i))).toBe(true);
      expect(page.entries.reduce((sum, entry) => sum + entry.value.length, 0)).toBe(count * 600);
      const middle = await store().list('big/', { ...never, limit: 3, after: key(4_999) });
      expect(middle.entries.map((entry) => entry.key)).toEqual([
        key(5_000),
        key(5_001),
        key(5_002),
      ]);
      expect(middle.remaining).toBe(4_997);
    });
  });

  test('an aborted call rejects with the reason of its signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(store().get('a', { signal })).rejects.toThrow('enough');
    await expect(store().list('a', { signal })).rejects.toThrow('enough');
    await expect(store().revision({ signal })).rejects.toThrow('enough');
    const txn = { compare: [], then: [putting('a', 'x')], otherwise: [] };
    await expect(store().txn(txn, { signal })).rejects.toThrow('enough');
    expect(await store().get('a', never)).toBeUndefined();
  });
}
