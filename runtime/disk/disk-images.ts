/** Disks as files: made, grown and looked at with qemu-img. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CallOptions } from '../../lib/call.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { run } from '../run.ts';
import { KeyedSerial } from '../serial.ts';
import { syncFile } from './sync-file.ts';

/** What a disk could not be made for; the message is for the one who asked for it. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  /** Whether the same may go well later. */
  readonly passing: boolean;

  constructor(message: string, options: ErrorOptions & { readonly passing?: boolean } = {}) {
    super(message, options);
    this.passing = options.passing ?? false;
  }
}

export type DiskFormat = 'raw' | 'qcow2';

export interface DiskInfo {
  readonly format: DiskFormat;
  /** What a guest sees. */
  readonly sizeBytes: bigint;
}

/**
 * What an image is. One that stands on another file is refused: it would show any file of the machine
 * to whoever brings it.
 */
export async function inspectDisk(path: string, options: CallOptions): Promise<DiskInfo> {
  if ((await stat(path).catch(() => undefined)) === undefined) {
    throw new DiskError(`image ${path}: no such file on this machine`);
  }
  const text = await run('qemu-img', ['info', '--output=json', '-U', path], options).catch(
    (cause) => {
      throw new DiskError(`image ${path} cannot be read: ${wordsOf(cause)}`, { cause });
    },
  );
  // qemu-img's own format.
  const info = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const format = info['format'];
  if (format !== 'raw' && format !== 'qcow2') {
    throw new DiskError(`image ${path} is ${format}: only raw and qcow2 are booted from`);
  }
  if (info['backing-filename'] !== undefined) {
    throw new DiskError(`image ${path} stands on another file: flatten it with "qemu-img convert"`);
  }
  return { format, sizeBytes: BigInt(Number(info['virtual-size'] ?? 0)) };
}

export interface DiskRequest {
  readonly path: string;
  /** Absent = as large as what it stands on. */
  readonly sizeBytes?: bigint;
  /** Its first content; copied when written to, and never changed. */
  readonly basePath?: string;
}

/** Makes a qcow2 disk, or grows the one that is there; never shrinks one. Must not be in use. */
export async function ensureDisk(request: DiskRequest, options: CallOptions): Promise<void> {
  const { path, sizeBytes, basePath } = request;
  const base = basePath === undefined ? undefined : await inspectDisk(basePath, options);
  const wanted = sizeBytes ?? base?.sizeBytes;
  if (wanted === undefined) throw new DiskError('a disk without an image needs a size');
  if (base !== undefined && wanted < base.sizeBytes) {
    throw new DiskError(
      `size ${wanted} is smaller than its image (${base.sizeBytes} bytes): ask for at least that`,
    );
  }
  const under = base === undefined ? undefined : { ...base, path: basePath ?? '' };
  try {
    if ((await stat(path).catch(() => undefined)) === undefined) {
      await create(path, wanted, under, options);
    } else await growTo(path, wanted, options);
  } catch (cause) {
    options.signal.throwIfAborted();
    throw new DiskError(`${path} cannot be made: ${wordsOf(cause)}`, { cause, passing: true });
  }
}

async function growTo(path: string, sizeBytes: bigint, options: CallOptions): Promise<void> {
  const text = await run('qemu-img', ['info', '--output=json', '-U', path], options);
  // qemu-img's own format.
  const known = JSON.parse(text) as { readonly 'virtual-size': number };
  if (sizeBytes <= BigInt(known['virtual-size'])) return;
  await run('qemu-img', ['resize', '-f', 'qcow2', path, String(sizeBytes)], options);
}

async function create(
  path: string,
  sizeBytes: bigint,
  base: (DiskInfo & { readonly path: string }) | undefined,
  options: CallOptions,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const under = base === undefined ? [] : ['-b', base.path, '-F', base.format];
  const args = ['create', '-q', '-f', 'qcow2', ...under, temporary, String(sizeBytes)];
  try {
    await run('qemu-img', args, options);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A disk as a file of its own, without what it stands on and its snapshots; never over one that is there. */
export async function copyDisk(from: string, to: string, options: CallOptions): Promise<void> {
  if ((await stat(to).catch(() => undefined)) !== undefined) {
    throw new DiskError(`${to} is there already: name another file`);
  }
  await mkdir(dirname(to), { recursive: true, mode: 0o711 });
  const temporary = `${to}.part`;
  try {
    await run('qemu-img', ['convert', '-O', 'qcow2', from, temporary], options);
    await rename(temporary, to);
  } catch (cause) {
    await rm(temporary, { force: true });
    options.signal.throwIfAborted();
    throw new DiskError(`${from} cannot be copied to ${to}: ${wordsOf(cause)}`, { cause });
  }
}

/**
 * Throws `DiskError` unless a copy of a disk, with all that it stands on, fits beside where it shall lie. At
 * most what is written now is copied; what a file's own snapshots take is counted too.
 */
export async function checkRoom(from: string, to: string, options: CallOptions): Promise<void> {
  const args = ['info', '--output=json', '-U', '--backing-chain', from];
  const text = await run('qemu-img', args, options).catch((cause) => {
    throw new DiskError(`${from} cannot be read: ${wordsOf(cause)}`, { cause });
  });
  // qemu-img's own format; devices have no `actual-size`.
  const chain = JSON.parse(text) as readonly Readonly<Record<string, number>>[];
  const whole = chain[0]?.['virtual-size'] ?? 0;
  const written = chain.reduce((sum, each) => sum + (each['actual-size'] || whole), 0);
  const needed = Math.ceil(Math.min(whole, written) * copyOverhead) + copyReserveBytes;
  const { bavail, bsize } = await statfs(dirname(to));
  if (bavail * bsize >= needed) return;
  const free = `${bavail * bsize} bytes are free there`;
  throw new DiskError(`a copy at ${to} takes up to ${needed} bytes, and only ${free}`);
}

/** Tables of qcow2. */
const copyOverhead = 1 + 1 / 64;
const copyReserveBytes = 1 << 20;

export interface Download {
  readonly url: string;
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly checksum: string;
  readonly path: string;
}

/** By path: two machines of one image fetch it once. */
const downloads = new KeyedSerial();

/** Fetches a file unless it is there; what does not have the checksum never gets its name. */
export async function ensureDownloaded(asked: Download, options: CallOptions): Promise<void> {
  // Who gives up waits for nobody.
  await orAborted(
    downloads.run(asked.path, () => download(asked, options)),
    options.signal,
  );
}

async function download({ url, checksum, path }: Download, { signal }: CallOptions): Promise<void> {
  signal.throwIfAborted();
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  const temporary = `${path}.part`;
  const [algorithm = 'sha256', wanted] = checksum.split(':');
  const hash = createHash(algorithm);
  try {
    const answer = await fetch(url, { signal });
    if (!answer.ok || answer.body === null) {
      throw new DiskError(`${url} answered ${answer.status}`, { passing: true });
    }
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    // The body of fetch and the stream of Node are the same thing under two types.
    const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
    await pipeline(body, hashing, createWriteStream(temporary), { signal });
    const found = hash.digest('hex');
    if (found !== wanted) {
      throw new DiskError(`${url} has checksum ${algorithm}:${found}, not the one asked for`);
    }
    await syncFile(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    signal.throwIfAborted();
    if (error instanceof DiskError) throw error;
    throw new DiskError(`${url}: ${wordsOf(error)}`, { cause: error, passing: true });
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
