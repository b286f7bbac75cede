/**
 * What an instance asks of a node's disks, in the words of Eru: `source:path[:flags[:size[:riops:wiops:rbps:wbps]]]`.
 * Pure.
 */

/** Operations and bytes a second, read and write. */
export interface Throughput {
  readonly readIops: number;
  readonly writeIops: number;
  readonly readBps: number;
  readonly writeBps: number;
}

export interface VolumeBinding extends Throughput {
  /**
   * mount: a directory of the node that is named; normal: so much of a volume that others share; mono: a volume of its
   * own; unlimited: a place on the emptiest, that takes nothing.
   */
  readonly kind: 'mount' | 'normal' | 'mono' | 'unlimited';
  /** The directory of a mount; empty where the scheduler chooses. */
  readonly source: string;
  readonly path: string;
  readonly flags: string;
  /** Bytes; 0 for mounts that name none and for unlimited ones. */
  readonly size: number;
}

/** Thrown for a text that is no binding; the message names the part. */
export class VolumeBindingError extends Error {
  override readonly name = 'VolumeBindingError';
}

/** Reads one; throws `VolumeBindingError`. */
export function parseBinding(text: string): VolumeBinding {
  const fail = (why: string) => new VolumeBindingError(`volume "${text}": ${why}`);
  const parts = text.split(':');
  const [source = '', path = '', flags = '', size = '0', ...rates] = parts;
  if (parts.length < 2 || parts.length > 8 || (rates.length > 0 && rates.length < 4)) {
    throw fail('must be source:path[:flags[:size[:riops:wiops:rbps:wbps]]]');
  }
  const isAuto = source === '' || source === 'AUTO';
  if (!path.startsWith('/')) throw fail(`path "${path}" must begin with /`);
  if (!isAuto && !source.startsWith('/')) throw fail(`source "${source}" must be AUTO or a path`);
  if (!/^[rwom]*$/.test(flags)) throw fail(`flags "${flags}" may be r, w, o and m`);
  const [bytes, ...numbers] = [size, ...rates].map((word) => {
    const value = parseSize(word);
    if (value === undefined) throw fail(`"${word}" is no size`);
    return value;
  });
  const [readIops = 0, writeIops = 0, readBps = 0, writeBps = 0] = numbers;
  const throughput = { readIops, writeIops, readBps, writeBps };
  const isMono = flags.includes('m');
  if (isMono && isAuto && bytes === 0) throw fail('a volume of its own (m) must say a size');
  return {
    kind: isAuto ? (isMono ? 'mono' : bytes === 0 ? 'unlimited' : 'normal') : 'mount',
    source: isAuto ? '' : source,
    path,
    flags,
    size: bytes ?? 0,
    ...throughput,
  };
}

const powers = ['', 'K', 'M', 'G', 'T', 'P'];

/** `10GiB`, `10G` and `10GB` are the same: steps of 1024. Undefined for what is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const power = powers.indexOf((match[2] ?? '').toUpperCase());
  const size = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(size) ? size : undefined;
}
