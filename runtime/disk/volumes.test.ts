/** Volumes on real loop devices, where this machine lets us have them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../run.ts';
import { readFileSystem } from './file-system.ts';
import { frozen, type Hold, thaw } from './frozen.ts';
import { findLoop } from './loop-device.ts';
import { canReflink, VolumeImages } from './volume-images.ts';
import { VolumeMounts } from './volume-mounts.ts';

const options = { signal: new AbortController().signal };
const mebibyte = 1n << 20n;
const mayLoop = process.getuid?.() === 0 && existsSync('/dev/loop-control');
const has = (program: string) => existsSync(`/usr/sbin/${program}`);
let directory = '';
let images: VolumeImages;
let mounts: VolumeMounts;
const used = new Set<string>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-volumes-'));
  await mkdir(join(directory, 'disk'));
  images = new VolumeImages(join(directory, 'disk'));
  mounts = new VolumeMounts(join(directory, 'mounts'));
});

afterAll(async () => {
  for (const uid of used) {
    await mounts.release(uid, (await images.find(idOf(uid)))?.path, options);
  }
  await rm(directory, { recursive: true });
});

function idOf(uid: string) {
  used.add(uid);
  return { namespace: 'default', name: 'data', uid };
}

const ext4 = (uid: string, sizeBytes = 32n * mebibyte) => ({
  id: idOf(uid),
  sizeBytes,
  fsType: 'ext4' as const,
});

test('an image takes all its blocks at once, and grows but never shrinks', async () => {
  const made = await images.ensure(ext4('a1'), options);
  const before = await stat(made.path);
  expect(BigInt(before.size)).toBe(32n * mebibyte);
  expect(BigInt(before.blocks) * 512n).toBeGreaterThanOrEqual(32n * mebibyte);
  expect(await readFileSystem(made.path)).toEqual({ type: 'ext4', sizeBytes: 32n * mebibyte });
  expect(await images.ensure(ext4('a1', 40n * mebibyte), options)).toEqual({
    path: made.path,
    sizeBytes: 40n * mebibyte,
  });
  const smaller = await images.ensure(ext4('a1', 8n * mebibyte), options);
  expect(smaller.sizeBytes).toBe(40n * mebibyte);
});

test('names of any length are told apart by their uid, and are kept and taken again', async () => {
  const long = { namespace: 'n'.repeat(63), name: 'v'.repeat(253) };
  const [one, other] = ['0', '1'].map((last) => ({ ...long, uid: `${'u'.repeat(35)}${last}` }));
  if (one === undefined || other === undefined) throw new Error('unreachable');
  const sizeBytes = 4n * mebibyte;
  const made = await images.ensure({ id: one, sizeBytes }, options);
  expect(await images.find(one)).toEqual({ path: made.path, sizeBytes });
  expect(await images.find(other)).toBeUndefined();
  const snapshots = new VolumeImages(join(directory, 'disk'), 'snapshot');
  const source = { type: 'copy', path: made.path } as const;
  await snapshots.ensure({ id: other, sizeBytes, source }, options);
  await snapshots.wipe(other);
  await images.retain(one);
  const retained = { type: 'retained', uid: one.uid } as const;
  await images.ensure({ id: other, sizeBytes, source: retained }, options);
  await images.wipe(other);
  expect((await readdir(join(directory, 'disk'))).filter((each) => each.startsWith('nn'))).toEqual(
    [],
  );
});

test('whether copies share blocks is found out without a trace', async () => {
  const disk = join(directory, 'disk');
  const before = await readdir(disk);
  expect(await canReflink('/proc', options)).toBe(false);
  expect(typeof (await canReflink(disk, options))).toBe('boolean');
  expect(await readdir(disk)).toEqual(before);
});

test('what does not fit on the disk is refused, and leaves nothing', async () => {
  const failed = images.ensure(ext4('b1', 1n << 60n), options);
  await expect(failed).rejects.toMatchObject({ reason: 'DiskFull' });
  expect((await readdir(join(directory, 'disk'))).filter((each) => each.includes('b1'))).toEqual(
    [],
  );
});

test('xfs of a size that it cannot have is refused with the field, and leaves nothing', async () => {
  const failed = images.ensure({ ...ext4('b2'), fsType: 'xfs' }, options);
  await expect(failed).rejects.toMatchObject({
    reason: 'InvalidVolume',
    message: expect.stringContaining('size: xfs needs 300Mi'),
  });
  expect((await readdir(join(directory, 'disk'))).filter((each) => each.includes('b2'))).toEqual(
    [],
  );
});

test('retained data are taken by a new volume of the same namespace, and of no other', async () => {
  const made = await images.ensure(ext4('c1'), options);
  const content = await readFile(made.path);
  expect(await images.retain(idOf('c1'))).toMatch(/default_data_c1\.retained\.img$/);
  expect(await images.retain(idOf('c1'))).toMatch(/default_data_c1\.retained\.img$/);
  const source = { type: 'retained', uid: 'c1' } as const;
  const stranger = { ...ext4('c2'), id: { namespace: 'other', name: 'data', uid: 'c2' }, source };
  await expect(images.ensure(stranger, options)).rejects.toMatchObject({ reason: 'SourceMissing' });
  const taken = await images.ensure({ ...ext4('c3'), source }, options);
  expect(content.equals(await readFile(taken.path))).toBe(true);
  expect(await images.retain(idOf('c1'))).toBeUndefined();
  await images.wipe(idOf('c3'));
  expect(await images.find(idOf('c3'))).toBeUndefined();
});

test.runIf(mayLoop)(
  'a mounted volume is full at its size, and its writer alone hears of it',
  async () => {
    const image = await images.ensure(ext4('d1'), options);
    const { path, device } = await mounts.mount('d1', image, 'ext4', options);
    expect(device.number).toMatch(/^7:\d+$/);
    const writing = writeFile(join(path, 'big'), Buffer.alloc(40 << 20));
    await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' });
    await rm(join(path, 'big'));
    await writeFile(join(path, 'small'), 'kept');
    // An agent that starts again finds the same.
    const again = await new VolumeMounts(join(directory, 'mounts')).mount(
      'd1',
      image,
      'ext4',
      options,
    );
    expect(again).toEqual({ path, device });
    await mounts.release('d1', image.path, options);
    expect(await findLoop(image.path, options)).toBeUndefined();
    const back = await mounts.mount('d1', image, 'ext4', options);
    expect(await readFile(join(back.path, 'small'), 'utf8')).toBe('kept');
  },
);

test.runIf(mayLoop)('ext4 grows at the latest when it is mounted the next time', async () => {
  const image = await images.ensure(ext4('e1'), options);
  const { path } = await mounts.mount('e1', image, 'ext4', options);
  await writeFile(join(path, 'small'), 'kept');
  const larger = await images.ensure(ext4('e1', 96n * mebibyte), options);
  await mounts.grow('e1', larger, 'ext4', options).catch((error) => {
    expect(error).toMatchObject({ reason: 'FileSystemResizePending' });
  });
  await mounts.release('e1', larger.path, options);
  await mounts.mount('e1', larger, 'ext4', options);
  expect((await sizeOf(path)) > 64n * mebibyte).toBe(true);
  expect(await readFile(join(path, 'small'), 'utf8')).toBe('kept');
});

test.runIf(mayLoop && has('mkfs.xfs'))(
  'xfs grows while it is in use; a clone is mounted beside it',
  async () => {
    const request = { ...ext4('f1', 300n * mebibyte), fsType: 'xfs' as const };
    const image = await images.ensure(request, options);
    const { path } = await mounts.mount('f1', image, 'xfs', options);
    await writeFile(join(path, 'small'), 'kept');
    const before = await sizeOf(path);
    const larger = await images.ensure({ ...request, sizeBytes: 400n * mebibyte }, options);
    await mounts.grow('f1', larger, 'xfs', options);
    expect(await sizeOf(path)).toBe(before + 100n * mebibyte);
    const hold: Hold = (task) => mounts.frozen('f1', task, options);
    const source = { type: 'copy', path: larger.path, hold } as const;
    const copy = { id: idOf('f2'), sizeBytes: 400n * mebibyte, fsType: 'xfs' as const, source };
    const clone = await images.ensure(copy, options);
    const second = await mounts.mount('f2', clone, 'xfs', options);
    expect(await readFile(join(second.path, 'small'), 'utf8')).toBe('kept');
    await writeFile(join(second.path, 'small'), 'changed');
    expect(await readFile(join(path, 'small'), 'utf8')).toBe('kept');
  },
  60_000,
);

test.runIf(mayLoop)(
  'a snapshot of what is written to is in order, has its own room, and larger volumes come of it',
  async () => {
    const image = await images.ensure(ext4('g1'), options);
    const { path } = await mounts.mount('g1', image, 'ext4', options);
    await writeFile(join(path, 'small'), 'kept');
    const snapshots = new VolumeImages(join(directory, 'disk'), 'snapshot');
    const hold: Hold = (task) => mounts.frozen('g1', task, options);
    const taken = await snapshots.ensure(
      {
        id: { ...idOf('g2'), name: 'before' },
        sizeBytes: image.sizeBytes,
        source: { type: 'copy', path: image.path, hold },
      },
      options,
    );
    expect(BigInt((await stat(taken.path)).blocks) * 512n).toBeGreaterThanOrEqual(32n * mebibyte);
    await writeFile(join(path, 'small'), 'changed');
    const known = { namespace: 'default', name: 'before', uid: 'g2' };
    expect(await snapshots.list()).toEqual([{ ...known, ...taken }]);
    expect((await images.list('used')).map(({ uid }) => uid)).not.toContain('g2');
    // As an agent finds it that was killed in the middle.
    await writeFile(`${taken.path}.new`, 'half');
    await images.removeHalfMade();
    expect(
      (await readdir(join(directory, 'disk'))).filter((each) => each.includes('.new')),
    ).toEqual([]);
    const source = { type: 'copy', path: taken.path } as const;
    const smaller = images.ensure({ ...ext4('g3', 16n * mebibyte), source }, options);
    await expect(smaller).rejects.toMatchObject({
      reason: 'InvalidVolume',
      message: expect.stringMatching(/^size: .* has 32Mi/),
    });
    const clone = await images.ensure({ ...ext4('g3', 96n * mebibyte), source }, options);
    const second = await mounts.mount('g3', clone, 'ext4', options);
    expect(await readFile(join(second.path, 'small'), 'utf8')).toBe('kept');
    expect((await sizeOf(second.path)) > 64n * mebibyte).toBe(true);
  },
);

test.runIf(mayLoop && has('mkfs.xfs'))(
  'where blocks are shared a copy is there at once, and counts whole all the same',
  async () => {
    const request = { ...ext4('i1', 300n * mebibyte), fsType: 'xfs' as const };
    const { path } = await mounts.mount(
      'i1',
      await images.ensure(request, options),
      'xfs',
      options,
    );
    expect(await canReflink(path, options)).toBe(true);
    const [own, snapshots] = [new VolumeImages(path), new VolumeImages(path, 'snapshot')];
    const image = await own.ensure({ id: idOf('i2'), sizeBytes: 64n * mebibyte }, options);
    // Only what was written is shared: the rest is taken for each of them.
    const fill = ['if=/dev/urandom', `of=${image.path}`, 'bs=1M', 'count=64', 'conv=notrunc,fsync'];
    await run('dd', fill, options);
    const before = await usedOf(path);
    const source = { type: 'copy', path: image.path, shares: true } as const;
    const take = (uid: string) =>
      snapshots.ensure({ id: idOf(uid), sizeBytes: image.sizeBytes, source }, options);
    const taken = await take('i3');
    expect((await usedOf(path)) - before).toBeLessThan(8n * mebibyte);
    expect((await readFile(taken.path)).equals(await readFile(image.path))).toBe(true);
    await take('i4');
    // Four times 64Mi would be too much if each had its own, although hardly a quarter is used.
    await take('i5').catch((error) => expect(error).toMatchObject({ reason: 'DiskFull' }));
    await expect(take('i6')).rejects.toMatchObject({ reason: 'DiskFull' });
    expect((await readdir(path)).filter((name) => name.includes('i6'))).toEqual([]);
  },
  60_000,
);

test.runIf(mayLoop)('no writer is held longer than is promised, nor after its agent', async () => {
  const image = await images.ensure(ext4('h1'), options);
  const { path } = await mounts.mount('h1', image, 'ext4', options);
  const held = frozen(path, ({ signal }) => run('sleep', ['60'], { signal }), {
    ...options,
    maxMs: 200,
  });
  await expect(held).rejects.toMatchObject({ reason: 'InUse' });
  await writeFile(join(path, 'small'), 'goes on');
  // An agent that is killed meanwhile.
  const code = `import { frozen } from './runtime/disk/frozen.ts';
    const { signal } = new AbortController();
    const task = () => { console.log('held'); return new Promise(() => setTimeout(() => {}, 1e6)); };
    await frozen('${path}', task, { signal, maxMs: 600_000 });`;
  const agent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  await once(agent.stdout, 'data');
  agent.kill('SIGKILL');
  await writeFile(join(path, 'small'), 'goes on');
  // What one has left that died with all that it had started.
  await run('fsfreeze', ['--freeze', path], options);
  await mounts.thawAll(options);
  await writeFile(join(path, 'small'), 'goes on again');
  await thaw(path, options);
});

async function usedOf(path: string): Promise<bigint> {
  return BigInt((await run('df', ['--output=used', '-B1', path], options)).split('\n')[1] ?? '0');
}

async function sizeOf(path: string): Promise<bigint> {
  return BigInt((await run('df', ['--output=size', '-B1', path], options)).split('\n')[1] ?? '0');
}
