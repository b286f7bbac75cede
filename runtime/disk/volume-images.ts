/**
 * The image files of one of the node's disks: `<namespace>_<name>_<uid>.img` of volumes, `….snapshot.img`
 * of snapshots, and `….retained.img` once what they are of is gone and the data shall stay. All blocks of a
 * file are taken when it is made: a disk that is full refuses the next volume, and never fails the writes
 * of one that is there.
 */
import { readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatQuantity } from '../../api/quantity.ts';
import type { CallOptions } from '../../lib/call.ts';
import { type FsType, makeFileSystem, readFileSystem } from './file-system.ts';
import type { Hold } from './frozen.ts';
import { syncFile } from './sync-file.ts';
import { runTool, VolumeError } from './volume-error.ts';

export interface VolumeId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface ImageRequest {
  readonly id: VolumeId;
  readonly sizeBytes: bigint;
  /** Absent = no file system: it is a block device. */
  readonly fsType?: FsType;
  /** Its first content. */
  readonly source?: ImageSource;
}

export type ImageSource =
  /** Path of an image; nobody writes to it, but for what `hold` holds still. `shares`: blocks, or it fails. */
  | {
      readonly type: 'copy';
      readonly path: string;
      readonly hold?: Hold;
      readonly shares?: boolean;
    }
  /** What a volume that is gone has left in this directory; it is taken, not copied. */
  | { readonly type: 'retained'; readonly uid: string };

export interface VolumeImage {
  readonly path: string;
  readonly sizeBytes: bigint;
}

export type ImageKind = 'used' | 'snapshot' | 'retained';

const suffixes = { used: '.img', snapshot: '.snapshot.img', retained: '.retained.img' } as const;
const newSuffix = '.new';
const mebibyte = 1n << 20n;
const listedMax = 1_000;
/** A file's name ends at 255 characters; the uid tells those apart that are cut. */
const nameMaxLength = 128;

export class VolumeImages {
  readonly #path: string;
  readonly #kind: 'used' | 'snapshot';

  /** Those of volumes in the directory `path`, or of snapshots. */
  constructor(path: string, kind: 'used' | 'snapshot' = 'used') {
    this.#path = path;
    this.#kind = kind;
  }

  /** `undefined` when it is not made. */
  async find(id: VolumeId): Promise<VolumeImage | undefined> {
    return await imageAt(this.#pathOf(id));
  }

  /** Makes it, or grows what is there; never shrinks and never formats what holds data. */
  async ensure(request: ImageRequest, options: CallOptions): Promise<VolumeImage> {
    const path = this.#pathOf(request.id);
    const wanted = roundUp(request.sizeBytes);
    const known = await imageAt(path);
    if (known === undefined) {
      await this.#make(path, wanted, request, options);
    } else if (known.sizeBytes < wanted) {
      await this.#allocate(path, wanted, wanted - known.sizeBytes, options);
    }
    return {
      path,
      sizeBytes: known !== undefined && known.sizeBytes > wanted ? known.sizeBytes : wanted,
    };
  }

  /** Takes again what holes were made into it; `DiskFull` when that cannot be. */
  async fill({ path, sizeBytes }: VolumeImage, options: CallOptions): Promise<void> {
    const { blocks } = await stat(path, { bigint: true });
    if (blocks * 512n < sizeBytes) await this.#allocate(path, sizeBytes, 0n, options);
  }

  /** Keeps the data under another name; resolves also when there are none, or they are kept already. */
  async retain(id: VolumeId): Promise<string | undefined> {
    const kept = this.#pathOf(id, 'retained');
    await rename(this.#pathOf(id), kept).catch(ignoreMissing);
    return (await imageAt(kept))?.path;
  }

  /** Those of volumes, of snapshots, or what is left of either; so many at most. */
  async list(which: ImageKind = this.#kind): Promise<readonly (VolumeId & VolumeImage)[]> {
    const names = await readdir(this.#path).catch(() => []);
    const end = suffixes[which];
    const wanted = names.filter((file) => kindOf(file) === which);
    const found = await Promise.all(
      wanted.slice(0, listedMax).map(async (file) => {
        const [namespace = '', name = '', uid, ...more] = file.slice(0, -end.length).split('_');
        const image = await imageAt(join(this.#path, file));
        if (uid === undefined || more.length > 0 || image === undefined) return [];
        return [{ namespace, name, uid, ...image }];
      }),
    );
    return found.flat();
  }

  /** Gives every block back; resolves also when there are none. */
  async wipe(id: VolumeId): Promise<void> {
    for (const path of [this.#pathOf(id), `${this.#pathOf(id)}${newSuffix}`]) {
      await rm(path, { force: true });
    }
  }

  /** What an agent that died has left half made. */
  async removeHalfMade(): Promise<void> {
    const names = await readdir(this.#path).catch(() => []);
    for (const name of names) {
      if (name.endsWith(`.img${newSuffix}`)) await rm(join(this.#path, name), { force: true });
    }
  }

  async #make(
    path: string,
    sizeBytes: bigint,
    { source, fsType, id }: ImageRequest,
    options: CallOptions,
  ): Promise<void> {
    if (source?.type === 'retained') {
      await this.#takeRetained(path, source.uid, id, sizeBytes, options);
      return;
    }
    const draft = `${path}${newSuffix}`;
    await rm(draft, { force: true });
    try {
      if (source !== undefined) await this.#copy(source, draft, sizeBytes, options);
      await this.#allocate(draft, sizeBytes, source === undefined ? sizeBytes : 0n, options);
      if (source === undefined && fsType !== undefined) {
        await makeFileSystem(draft, fsType, sizeBytes, options);
      } else if (fsType !== undefined) await checkFileSystem(draft, fsType);
      await syncFile(draft);
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Only by volumes of its own namespace. */
  async #takeRetained(
    path: string,
    uid: string,
    { namespace }: VolumeId,
    sizeBytes: bigint,
    options: CallOptions,
  ): Promise<void> {
    const names = await readdir(this.#path).catch(() => []);
    const name = names.find(
      (each) => each.startsWith(`${namespace}_`) && each.endsWith(`_${uid}${suffixes.retained}`),
    );
    if (name === undefined) {
      const message = `source.retained: no data of a volume ${uid} of this namespace are on this disk`;
      throw new VolumeError('SourceMissing', message);
    }
    const kept = join(this.#path, name);
    const { size } = await stat(kept, { bigint: true });
    if (size > sizeBytes) throw tooSmall('source.retained', size);
    if (size < sizeBytes) await this.#allocate(kept, sizeBytes, sizeBytes - size, options);
    await rename(kept, path);
  }

  /** Blocks are shared where the file system can do that, and holes stay holes until they are filled. */
  async #copy(
    { path, hold, shares = false }: Extract<ImageSource, { readonly type: 'copy' }>,
    draft: string,
    sizeBytes: bigint,
    options: CallOptions,
  ): Promise<void> {
    const source = await imageAt(path);
    if (source === undefined) throw new VolumeError('SourceMissing', `${path} is not there`);
    if (source.sizeBytes > sizeBytes) throw tooSmall('source', source.sizeBytes);
    await this.#checkRoom(sizeBytes);
    const copy = async (held: CallOptions) => {
      const how = shares ? ['--reflink=always'] : ['--reflink=auto', '--sparse=always'];
      await runTool('cp', [...how, path, draft], held);
    };
    await (hold === undefined ? copy(options) : hold(copy));
  }

  /** What copies share counts for each: one day each of them has blocks of its own. */
  async #checkRoom(moreBytes: bigint): Promise<void> {
    if (moreBytes === 0n) return;
    const disk = await statfs(this.#path, { bigint: true });
    const names = (await readdir(this.#path)).filter((name) => kindOf(name) !== undefined);
    const images = await Promise.all(names.map((name) => imageAt(join(this.#path, name))));
    const promised = images.reduce((sum, image) => sum + (image?.sizeBytes ?? 0n), 0n);
    const [unused, unpromised] = [disk.bavail * disk.bsize, disk.blocks * disk.bsize - promised];
    if (moreBytes <= unused && moreBytes <= unpromised) return;
    const free = moreBytes > unused ? unused : unpromised;
    const message = `${this.#path} has ${amount(roundDown(free))} free, ${amount(moreBytes)} are needed`;
    throw new VolumeError('DiskFull', message);
  }

  async #allocate(
    path: string,
    sizeBytes: bigint,
    moreBytes: bigint,
    options: CallOptions,
  ): Promise<void> {
    await this.#checkRoom(moreBytes);
    const args = ['--length', String(sizeBytes), path];
    try {
      await runTool('fallocate', args, options);
    } catch (error) {
      // Where the file system cannot promise blocks, they are written.
      if (!/not supported/i.test(String(error))) throw error;
      await runTool('fallocate', ['--posix', ...args], options);
    }
  }

  #pathOf({ namespace, name, uid }: VolumeId, kind: ImageKind = this.#kind): string {
    for (const word of [namespace, name, uid]) {
      if (!/^[a-zA-Z0-9][-.a-zA-Z0-9]*$/.test(word)) {
        throw new VolumeError('InvalidVolume', `"${word}" cannot be part of a file's name`);
      }
    }
    const file = `${namespace}_${name.slice(0, nameMaxLength)}_${uid}${suffixes[kind]}`;
    return join(this.#path, file);
  }
}

/** Whether copies of files on the disk at `path` share their blocks. */
export async function canReflink(path: string, options: CallOptions): Promise<boolean> {
  const probe = join(path, `.reflink${newSuffix}`);
  const copy = `${probe}.copy`;
  try {
    await writeFile(probe, 'shared');
    await runTool('cp', ['--reflink=always', probe, copy], options);
    return true;
  } catch {
    options.signal.throwIfAborted();
    return false;
  } finally {
    await Promise.all([probe, copy].map((each) => rm(each, { force: true })));
  }
}

async function checkFileSystem(path: string, wanted: FsType): Promise<void> {
  const found = await readFileSystem(path);
  if (found?.type === wanted) return;
  const what = found === undefined ? 'no file system' : found.type;
  throw new VolumeError('InvalidVolume', `fsType: its source holds ${what}, not ${wanted}`);
}

function tooSmall(field: string, bytes: bigint): VolumeError {
  const message = `size: what ${field} names has ${amount(bytes)}; ask for at least that`;
  return new VolumeError('InvalidVolume', message);
}

/** `undefined` for a file that is no image, or a half made one. */
function kindOf(file: string): ImageKind | undefined {
  if (file.endsWith(suffixes.retained)) return 'retained';
  if (file.endsWith(suffixes.snapshot)) return 'snapshot';
  return file.endsWith(suffixes.used) ? 'used' : undefined;
}

async function imageAt(path: string): Promise<VolumeImage | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found === undefined ? undefined : { path, sizeBytes: found.size };
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

/** As sizes are written. */
function amount(bytes: bigint): string {
  return formatQuantity({ value: bytes }, 'BinarySI');
}

function roundDown(bytes: bigint): bigint {
  return bytes < 0n ? 0n : (bytes / mebibyte) * mebibyte;
}

function roundUp(bytes: bigint): bigint {
  return ((bytes + mebibyte - 1n) / mebibyte) * mebibyte;
}
