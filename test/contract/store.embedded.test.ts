import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../store/index.ts';
import { never } from '../harness/store.ts';
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
