import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPki } from '../../apiserver/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { openEmbeddedStore, type Store } from '../../store/index.ts';
import { forgetAuthority, settleAuthority } from './one-authority.ts';
import { planePaths } from './paths.ts';

const signal = new AbortController().signal;
let dir: string;
let store: Store;
let first: string;
let second: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-authority-'));
  store = await openEmbeddedStore(join(dir, 'store'));
  first = (await openPki(join(dir, 'one'), systemClock)).ca;
  second = (await openPki(join(dir, 'two'), systemClock)).ca;
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const settle = (ca: string, isShared: boolean) =>
  settleAuthority(store, { ca, isShared, paths: planePaths('/srv/second') }, { signal });

test('a further server with another authority is refused, and told what to copy where', async () => {
  await settle(first, true);
  await settle(first, true);
  await expect(settle(second, true)).rejects.toThrow(/another authority.*sa\.key.*\/srv\/second/);
  // The first one is not disturbed by that.
  await settle(first, true);
});

test("a store of one's own follows its server, and a plane restored without keys begins anew", async () => {
  await settle(second, false);
  await expect(settle(first, true)).rejects.toThrow(/another authority/);
  await forgetAuthority(store, { signal });
  await settle(first, true);
});
