/** A store tells its format: older ones are brought up to date, newer ones are left alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  formatKey,
  type Migration,
  openStore,
  type Store,
  settleFormat,
} from '../../store/index.ts';
import { startEtcd } from '../harness/etcd.ts';
import { never, put, reasonOf } from '../harness/store.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(kind: 'embedded' | 'etcd'): Promise<Store> {
  if (kind === 'etcd') {
    const etcd = await startEtcd();
    cleanups.push(() => etcd.stop());
    return keep(await openStore(`etcd://${etcd.endpoint}`));
  }
  const dir = mkdtempSync(join(tmpdir(), 'berth-format-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return keep(await openStore(`embedded:${dir}`));
}

function keep(store: Store): Store {
  cleanups.push(() => store.close());
  return store;
}

const renamed: Migration = async (store, options) => {
  const { entries } = await store.list('core/old/', options);
  for (const { key, value } of entries) {
    const then = [
      { type: 'put', key: key.replace('/old/', '/new/'), value },
      { type: 'delete', key },
    ] as const;
    await store.txn({ compare: [], then, otherwise: [] }, options);
  }
};

describe.each(['embedded', 'etcd'] as const)('the format of a store: %s', (kind) => {
  it('is marked, once, in a store that was never marked', async () => {
    const store = await open(kind);
    expect(await settleFormat(store, never)).toEqual({ from: 1, to: 1 });
    const marked = await store.get(formatKey, never);
    expect(JSON.parse(Buffer.from(marked?.value ?? '').toString())).toEqual({ format: 1 });
    expect(await settleFormat(store, never)).toEqual({ from: 1, to: 1 });
    expect((await store.get(formatKey, never))?.modRevision).toBe(marked?.modRevision);
  });

  it('is brought up to date, also after an interruption', async () => {
    const store = await open(kind);
    await put(store, 'core/old/a', 'x');
    await put(store, 'core/old/b', 'y');
    const broken: Migration = async (each, options) => {
      await each.txn(
        { compare: [], then: [{ type: 'delete', key: 'core/old/b' }], otherwise: [] },
        options,
      );
      throw new Error('power is gone');
    };
    await expect(settleFormat(store, never, [broken])).rejects.toThrow('power is gone');
    expect(await settleFormat(store, never, [renamed])).toEqual({ from: 1, to: 2 });
    const { entries } = await store.list('core/', never);
    expect(entries.map(({ key }) => key)).toEqual(['core/new/a']);
  });

  it('of a newer Berth is refused, and nothing is touched', async () => {
    const store = await open(kind);
    await settleFormat(store, never, [renamed]);
    await put(store, 'core/new/a', 'x');
    const before = await store.revision(never);
    expect(await reasonOf(settleFormat(store, never))).toBe('Unavailable');
    await expect(settleFormat(store, never)).rejects.toThrow('newer Berth (its format is 2');
    expect(await store.revision(never)).toBe(before);
  });

  it('is agreed on by servers that start at once', async () => {
    const store = await open(kind);
    const all = await Promise.all(Array.from({ length: 5 }, () => settleFormat(store, never)));
    expect(all).toEqual(all.map(() => ({ from: 1, to: 1 })));
  });
});
