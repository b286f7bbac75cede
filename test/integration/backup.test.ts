/** Backups over both stores: what is saved comes back, on either, and what is damaged is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readBackupFile, verifyBackupFile, writeBackupFile } from '../../cli/plane/backup-file.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import {
  checkWhole,
  decodeBackup,
  isEmpty,
  openStore,
  restoreStore,
  type Store,
  saveStore,
} from '../../store/index.ts';
import {
  adminToken,
  aliceToken,
  configMap,
  type StoreKind,
  startTestApi,
} from '../harness/apiserver.ts';
import { startEtcd } from '../harness/etcd.ts';
import { never, put, reasonOf } from '../harness/store.ts';

vi.setConfig({ testTimeout: 120_000 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'berth-backup-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(kind: StoreKind): Promise<Store> {
  const etcd = kind === 'etcd' ? await startEtcd() : undefined;
  if (etcd !== undefined) cleanups.push(() => etcd.stop());
  const url = etcd === undefined ? `embedded:${folder()}` : `etcd://${etcd.endpoint}`;
  const store = await openStore(url);
  cleanups.push(() => store.close());
  return store;
}

const about = { created: '2026-01-02T03:04:05.000Z', berth: 'v1' };
const keyFile = { type: 'file', name: 'pki/ca.key', value: Buffer.from('secret') } as const;

async function fill(store: Store): Promise<void> {
  const keys = Array.from({ length: 600 }, (_, i) => `core/configmaps/default/${i}`);
  await Promise.all(keys.map((key) => put(store, key, `value of ${key}`)));
  await put(store, 'core/configmaps/default/größe', 'x'.repeat(1_400_000));
  await put(store, 'core/configmaps/default/empty', '');
}

async function contents(store: Store) {
  const { entries } = await store.list('core/', never);
  return entries.map(({ key, value }) => [key, Buffer.from(value).toString()]);
}

test.each([
  ['embedded', 'etcd'],
  ['etcd', 'embedded'],
] as const)('from %s to %s, and over what is there', async (from, to) => {
  const [source, target] = await Promise.all([open(from), open(to)]);
  await fill(source);
  const file = join(folder(), 'a.bak');
  const saved = await saveStore(source, about, never);
  // As of one revision, whatever is written meanwhile.
  const expected = await contents(source);
  await put(source, 'core/configmaps/default/0', 'later');
  await writeBackupFile(file, saved, [keyFile]);
  expect(await verifyBackupFile(file)).toMatchObject({
    header: { count: 602, ...about },
    files: ['pki/ca.key'],
  });
  await put(target, 'core/secrets/default/old', 'to be forgotten');
  expect(await isEmpty(target, never)).toBe(false);
  const { revision } = await restoreStore(target, await readBackupFile(file), never);
  expect(await contents(target)).toEqual(expected);
  expect(revision).toBeGreaterThan(BigInt(saved.header.revision));
  await checkWhole(target, never);
});

test('a file that is cut off or changed anywhere is refused', async () => {
  const store = await open('embedded');
  for (let i = 0; i < 30; i += 1) await put(store, `core/configmaps/default/${i}`, `value ${i}`);
  const file = join(folder(), 'a.bak');
  await writeBackupFile(file, await saveStore(store, about, never), [keyFile]);
  const whole = readFileSync(file);
  const damaged = join(folder(), 'b.bak');
  for (let at = 0; at < whole.length; at += 7) {
    writeFileSync(damaged, whole.subarray(0, at));
    await expect(verifyBackupFile(damaged), `cut at ${at}`).rejects.toThrow(/is no whole backup/);
    // Bytes 4 to 9 of gzip say when and where it was packed, nothing of what.
    if (at >= 4 && at <= 9) continue;
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    writeFileSync(damaged, flipped);
    await expect(verifyBackupFile(damaged), `bit of ${at}`).rejects.toThrow(/is no whole backup/);
  }
  writeFileSync(damaged, 'something else');
  await expect(verifyBackupFile(damaged)).rejects.toThrow(/is no whole backup/);
});

test('half of a restore is not served, and can be repeated', async () => {
  const [source, target] = await Promise.all([open('embedded'), open('embedded')]);
  await fill(source);
  const { header, records } = await saveStore(source, about, never);
  const broken = async function* () {
    let left = 400;
    for await (const record of records) {
      if (left === 0) throw new Error('the power fails');
      left -= 1;
      yield record;
    }
  };
  const interrupted = restoreStore(target, { header, records: broken() }, never);
  await expect(interrupted).rejects.toThrow('the power fails');
  expect(await reasonOf(checkWhole(target, never))).toBe('Unavailable');
  await restoreStore(target, await saveStore(source, about, never), never);
  await checkWhole(target, never);
  expect(await contents(target)).toEqual(await contents(source));
});

test('whoever watched something newer than the backup is told to list again', async () => {
  const api = await startTestApi('embedded');
  cleanups.push(() => api.stop());
  const path = '/api/v1/configmaps?watch=1&resourceVersion=999999';
  const answer = await api.call('GET', path);
  expect([answer.status, answer.body.details.causes[0].reason]).toEqual([
    504,
    'ResourceVersionTooLarge',
  ]);
});

test('a running plane gives its backup to administrators only', async () => {
  const api = await startTestApi('embedded');
  cleanups.push(() => api.stop());
  await api.call('POST', '/api/v1/namespaces/default/configmaps', configMap('kept'));
  expect((await api.call('GET', '/backup', undefined, { token: aliceToken })).status).toBe(403);
  expect((await api.call('POST', '/backup')).status).toBe(404);
  const transport = createHttpsTransport({ server: api.url, ca: api.pki.ca, token: adminToken });
  cleanups.push(() => transport.close());
  const { body } = await transport({ method: 'GET', path: '/backup', headers: {}, ...never });
  const { records } = await decodeBackup(body);
  const names: string[] = [];
  for await (const { name } of records) names.push(name);
  expect(names).toContain('core/configmaps/default/kept');
});
