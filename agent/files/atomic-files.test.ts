import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileContent, replaceFiles } from './atomic-files.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-files-'));
});
afterEach(() => rm(directory, { recursive: true }));

const file = (path: string, content: string, mode = 0o644): FileContent => ({
  path,
  content: Buffer.from(content),
  mode,
});
const read = (path: string) => readFile(join(directory, path), 'utf8');
const visible = async () => (await readdir(directory)).filter((name) => !name.startsWith('..'));

describe('a directory of files', () => {
  test('holds exactly what was asked for, with modes, and nothing of before', async () => {
    expect(await replaceFiles(directory, [file('a', '1', 0o400), file('d/x', '2')])).toBe(true);
    expect([await read('a'), await read('d/x')]).toEqual(['1', '2']);
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o400);
    expect(await replaceFiles(directory, [file('d/y', '3'), file('b', '4')])).toBe(true);
    expect((await visible()).sort()).toEqual(['b', 'd']);
    expect(await readdir(join(directory, 'd'))).toEqual(['y']);
    expect(await readdir(directory)).toHaveLength(4);
  });

  test('is left alone when nothing changed', async () => {
    const files = [file('a', '1'), file('d/x', '2')];
    await replaceFiles(directory, files);
    const before = await stat(join(directory, 'a'));
    expect(await replaceFiles(directory, files)).toBe(false);
    expect((await stat(join(directory, 'a'))).ino).toBe(before.ino);
  });

  test.each([
    ['content', [file('a', '2')]],
    ['mode', [file('a', '1', 0o600)]],
    ['a file more', [file('a', '1'), file('b', '1')]],
    ['a file less', []],
  ])('another %s is a change', async (_what, next) => {
    await replaceFiles(directory, [file('a', '1')]);
    expect(await replaceFiles(directory, next)).toBe(true);
    expect(await visible()).toHaveLength(next.length);
  });

  test('a group may read', async () => {
    const files = [file('a', '1', 0o600)];
    await replaceFiles(directory, files, 4242);
    const { gid, mode } = await stat(join(directory, 'a'));
    expect([gid, mode & 0o777]).toEqual([4242, 0o640]);
    expect(await replaceFiles(directory, files, 4242)).toBe(false);
  });

  test('takes the place of plain files, and of a change that was cut off', async () => {
    await writeFile(join(directory, 'a'), 'old');
    await mkdir(join(directory, 'd'));
    await mkdir(join(directory, '..v_half'));
    await replaceFiles(directory, [file('a', '1'), file('d/x', '2')]);
    expect([await read('a'), await read('d/x')]).toEqual(['1', '2']);
    expect((await readdir(directory)).filter((name) => name.startsWith('..v_'))).toHaveLength(1);
  });

  test('readers never see a mix', async () => {
    await replaceFiles(directory, [file('a', '0'), file('b', '0')]);
    let done = false;
    const writing = (async () => {
      for (let i = 1; i <= 50; i += 1)
        await replaceFiles(directory, [file('a', `${i}`), file('b', `${i}`)]);
      done = true;
    })();
    // As a careful reader does: goes through `..data` once, and reads all from there.
    let pairs = 0;
    while (!done) {
      const version = await readlink(join(directory, '..data'));
      const pair = await Promise.all(['a', 'b'].map((name) => read(`${version}/${name}`))).catch(
        () => undefined, // Replaced meanwhile.
      );
      if (pair === undefined) continue;
      expect(pair[0]).toBe(pair[1]);
      pairs += 1;
    }
    await writing;
    expect(pairs).toBeGreaterThan(0);
  });
});
