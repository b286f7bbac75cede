import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Attempts, type Ended } from './attempts.ts';

const directories: string[] = [];
afterEach(async () => {
  for (const each of directories.splice(0)) await rm(each, { recursive: true });
});

async function setup() {
  const directory = await mkdtemp(join(tmpdir(), 'berth-attempts-'));
  directories.push(directory);
  return { directory, attempts: new Attempts(directory) };
}

const end = (exitCode: number): Ended => {
  return { phase: 'exited', exitCode, oomKilled: false, startedAtMs: 1, finishedAtMs: 2 };
};

test('the first note of an end counts, also of many at once', async () => {
  const { attempts } = await setup();
  const told = await Promise.all([137, 0, 255].map((code) => attempts.noteEnd('a', 0, end(code))));
  expect(told).toEqual([end(137), end(137), end(137)]);
  expect(await attempts.ended('a', 0)).toEqual(end(137));
  expect(await attempts.ended('a', 1)).toBeUndefined();
});

test('a note that a power cut or a full disk has spoilt is none, and is written anew', async () => {
  const { attempts, directory } = await setup();
  await attempts.prepare('a', 0);
  await writeFile(join(directory, 'a', 'end.0.json'), '');
  expect(await attempts.ended('a', 0)).toBeUndefined();
  expect(await attempts.noteEnd('a', 0, end(255))).toEqual(end(255));
  expect(await attempts.ended('a', 0)).toEqual(end(255));
});

test('a full disk hides no end', async () => {
  const { attempts, directory } = await setup();
  await attempts.prepare('a', 0);
  await symlink('/dev/full', join(directory, 'a', 'end.0.json.new'));
  expect(await attempts.noteEnd('a', 0, end(137))).toEqual(end(137));
  expect(await attempts.noteEnd('a', 0, end(0))).toEqual(end(137));
  expect(await attempts.ended('a', 0)).toEqual(end(137));
  await attempts.forget('a', 0);
  expect(await attempts.ended('a', 0)).toBeUndefined();
});
