import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nameFindings } from './network-checks.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-names-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const table = (instances: number) =>
  writeFile(
    join(directory, 'names.json'),
    JSON.stringify({ own: { instances }, places: [{ address: '172.17.0.1', upstream: [] }] }),
  );

test('who answers names is looked for where instances could ask', async () => {
  expect(await nameFindings(directory, true)).toEqual([]);
  await table(0);
  expect(await nameFindings(directory, true)).toEqual([]);
  await table(2);
  expect(await nameFindings(directory, true)).toMatchObject([
    { state: 'broken', name: 'names', remedy: expect.stringContaining('names.log') },
  ]);
  expect(await nameFindings(directory, false)).toMatchObject([
    { state: 'broken', remedy: expect.stringContaining('berth up') },
  ]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, 'names.sock'), resolve));
  expect(await nameFindings(directory, true)).toEqual([
    { state: 'ok', name: 'names', found: 'answered at 172.17.0.1' },
  ]);
  await new Promise((resolve) => server.close(resolve));
});
