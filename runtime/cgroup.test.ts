import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCgroup } from './cgroup.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-cgroup-'));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, content: string) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const places = ['docker/abc', 'system.slice/docker-abc.scope'];

test.each(places)('v2 at %s', async (place) => {
  await put(`${place}/cpu.stat`, 'usage_usec 1500\nuser_usec 1000\n');
  await put(`${place}/memory.current`, '5000\n');
  await put(`${place}/memory.stat`, 'anon 1\ninactive_file 2000\n');
  expect(await readCgroup(places, root)).toEqual({ cpuNanos: 1_500_000n, workingSetBytes: 3000n });
});

test('v1', async () => {
  await put('cpuacct/docker/abc/cpuacct.usage', '77\n');
  await put('memory/docker/abc/memory.usage_in_bytes', '5000\n');
  await put('memory/docker/abc/memory.stat', 'inactive_file 1\ntotal_inactive_file 6000\n');
  expect(await readCgroup(places, root)).toEqual({ cpuNanos: 77n, workingSetBytes: 0n });
});

test('elsewhere', async () => {
  expect(await readCgroup(places, root)).toBeUndefined();
});
