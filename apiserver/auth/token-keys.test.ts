import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJwt, signJwt, verifies } from './jwt.ts';
import { openTokenKeys } from './token-keys.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-keys-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('a key is made once and kept, readable by its owner only', async () => {
  const made = await openTokenKeys(dir);
  const again = await openTokenKeys(dir);
  expect(again.signing.id).toBe(made.signing.id);
  expect(again.verifying.map(({ id }) => id)).toEqual([made.signing.id]);
  expect((await stat(join(dir, 'sa.key'))).mode & 0o777).toBe(0o600);
});

test('a key that was rotated signs, and tokens of the old one stay good', async () => {
  const before = await openTokenKeys(dir);
  const token = readJwt(signJwt(before.signing, { sub: 'me' }))!;
  await rm(join(dir, 'sa.key'));
  const after = await openTokenKeys(dir);
  expect(after.signing.id).not.toBe(before.signing.id);
  expect(after.verifying).toHaveLength(2);
  expect(verifies(token, after.verifying)).toBe(true);
  await rm(join(dir, 'sa.pub'));
  expect(verifies(token, (await openTokenKeys(dir)).verifying)).toBe(false);
});

test('a file that is no key is named', async () => {
  await openTokenKeys(dir);
  await writeFile(join(dir, 'sa.key'), 'nonsense');
  await expect(openTokenKeys(dir)).rejects.toThrow(`${dir}/sa.key is no key for tokens`);
  expect(await readFile(join(dir, 'sa.key'), 'utf8')).toBe('nonsense');
});
