/** A full store: one clear answer to writes, everything else goes on, and it ends without a restart. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openEmbeddedStore } from '../../store/index.ts';
import { configMap, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { never, reasonOf, write } from '../harness/store.ts';

vi.setConfig({ testTimeout: 120_000 });

const at = '/api/v1/namespaces/default/configmaps';
const mib = 1024 * 1024;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A disk of its own, of `size` MiB. */
function makeDisk(size: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'berth-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'berth-test', directory]);
  cleanups.push(() => {
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** What holds while the store of `api` is full, and again once `free` has been done. */
async function checkFull(api: TestApi, fill: () => Promise<unknown>, free: () => unknown) {
  await api.call('POST', at, configMap('before'));
  const watching = await api.watch(`${at}?watch=1`);
  await watching.atLeast(1);
  await fill();
  const refused = await api.call('POST', at, configMap('during'));
  expect([refused.status, refused.body.reason]).toEqual([507, 'InsufficientStorage']);
  expect(refused.body.message).toMatch(/the store is full.*berth doctor/);
  expect(refused.headers?.['retry-after']).toBe('1');
  expect((await api.call('PUT', `${at}/before`, configMap('before', { a: 'b' }))).status).toBe(507);
  expect((await api.call('GET', `${at}/before`)).status).toBe(200);
  expect((await api.call('GET', at)).body.items.length).toBeGreaterThan(0);
  const ready = await api.call('GET', '/readyz?verbose');
  expect(ready.status).toBe(500);
  expect(ready.text).toMatch(/\[-\]store-space failed: .*; remedy: /);
  expect(ready.text).toContain('[+]etcd ok');
  expect((await api.call('GET', '/readyz?exclude=store-space')).status).toBe(200);
  expect((await api.call('GET', '/livez')).status).toBe(200);
  expect((await api.call('DELETE', `${at}/before`)).status).toBe(200);
  await eventually(() =>
    expect(watching.events.at(-1)).toMatchObject({
      type: 'DELETED',
      object: { metadata: { name: 'before' } },
    }),
  );
  await free();
  await eventually(async () =>
    expect((await api.call('POST', at, configMap('after'))).status).toBe(201),
  );
  await eventually(async () => expect((await api.call('GET', '/readyz')).status).toBe(200));
  watching.close();
}

test('a full disk makes an embedded store read-only until there is space', async () => {
  const disk = makeDisk(48);
  const store = await openEmbeddedStore(join(disk, 'store'), { reserveBytes: 4 * mib });
  const api = await startTestApi('embedded', { store });
  cleanups.push(() => api.stop());
  const other = join(disk, 'somebody-else');
  const fill = async () => writeFileSync(other, Buffer.alloc(45 * mib));
  await checkFull(api, fill, () => rmSync(other));
});

test('etcd with the alarm NOSPACE, until it is compacted, defragmented and disarmed', async () => {
  const api = await startTestApi('etcd', { etcdFlags: ['--quota-backend-bytes=8000000'] });
  cleanups.push(() => api.stop());
  const data = { big: 'x'.repeat(900_000) };
  const fill = async () => {
    for (let i = 0; i < 20; i += 1) await api.call('POST', at, configMap(`big-${i}`, data));
  };
  await checkFull(api, fill, async () => {
    await api.call('DELETE', at);
    const status = JSON.parse(api.etcd?.ctl('endpoint', 'status', '-w', 'json') ?? '');
    api.etcd?.ctl('compact', String(status[0].Status.header.revision));
    api.etcd?.ctl('defrag');
    api.etcd?.ctl('alarm', 'disarm');
  });
});

test('an embedded store that filled its disk itself uses again what was deleted', async () => {
  const disk = makeDisk(48);
  const store = await openEmbeddedStore(join(disk, 'store'), { reserveBytes: 4 * mib });
  cleanups.push(() => store.close());
  const value = Buffer.alloc(mib, 1);
  const put = (key: string) => write(store, { type: 'put', key, value });
  const filling = async () => {
    for (let i = 0; i < 60; i += 1) await put(`f/${i}`);
  };
  expect(await reasonOf(filling())).toBe('NoSpace');
  expect((await store.space(never)).full).toBeDefined();
  const { entries } = await store.list('f/', never);
  for (const { key } of entries) await write(store, { type: 'delete', key });
  await store.compact(await store.revision(never), never);
  expect((await store.space(never)).full).toBeUndefined();
  await put('f/after');
});
