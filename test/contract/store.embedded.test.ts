import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../store/index.ts';
import { never, put, reasonOf, remove, text } from '../harness/store.ts';
import { type StorePlace, storeContract } from './store.ts';

storeContract('embedded', newPlace);

async function newPlace(): Promise<StorePlace> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-store-'));
  return {
    open: () => openEmbeddedStore(directory),
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

test('a fresh embedded store begins at revision 1', async () => {
  const place = await newPlace();
  const store = await place.open();
  expect(await store.revision(never)).toBe(1n);
  await store.close();
  await place.remove();
});

test('on a full disk puts say NoSpace; reads, deletions and compaction work', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-store-'));
  const before = await openEmbeddedStore(directory);
  await put(before, 'a', '1');
  await put(before, 'b', '2');
  await before.close();
  // More than any disk has free.
  const store = await openEmbeddedStore(directory, { reserveBytes: 2 ** 60 });
  expect(await reasonOf(put(store, 'c', '3'))).toBe('NoSpace');
  expect(text((await store.get('a', never))?.value)).toBe('1');
  await store.compact(await remove(store, 'a'), never);
  expect((await store.list('', never)).entries.map(({ key }) => key)).toEqual(['b']);
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});
