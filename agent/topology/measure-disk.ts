/** Measures what a disk can do, in a file of its own on it; what lies there already is not touched. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskMeasured } from '../../api/kinds.gen.ts';
import { formatQuantity } from '../../api/quantity.ts';
import type { CallOptions } from '../../lib/call.ts';
import { underAny } from '../../lib/under-any.ts';
import { run } from '../../runtime/run.ts';
import { measureProgram } from './measure-program.ts';

export interface MeasureOptions extends CallOptions {
  readonly seconds: number;
}

/** `time` is for whoever asked to add. */
export type Rates = Omit<DiskMeasured, 'time'>;

/** Why a measurement is not to be had, and what to do. */
export class MeasureError extends Error {
  override readonly name = 'MeasureError';
}

const fileBytes = 256 << 20;
/** Of the disk's room is left alone. */
const freeMinBytes = 2 * fileBytes;
/** Filling the file, and four measurements. */
const parts = 5;
/** How many reads or writes are under way at once, at most. */
const threads = 16;
/** What starting takes, and the last reads and writes of a slow disk. */
const slackMs = 20_000;

/**
 * Random reads and writes of 4 KiB, sixteen at once, and reads and writes in sequence of 1 MiB, four at once, all past the
 * kernel's cache. Throws `MeasureError`.
 */
export async function measureDisk(
  directory: string,
  { seconds, signal }: MeasureOptions,
): Promise<Rates> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < freeMinBytes) {
    throw new MeasureError(`less than ${freeMinBytes >> 20}Mi are free at ${directory}: make room`);
  }
  const path = join(directory, `.berth-measure-${process.pid}`);
  const partMs = Math.floor((seconds * 1_000) / parts);
  const late = AbortSignal.timeout(seconds * 1_000 + slackMs);
  const program = [process.execPath, '-e', measureProgram];
  const words = ['-n', '10', 'env', `UV_THREADPOOL_SIZE=${threads}`, ...program];
  const numbers = [String(fileBytes), String(partMs)];
  try {
    const measure = (any: AbortSignal) =>
      run('nice', [...words, path, ...numbers], { signal: any });
    return ratesIn(await underAny([signal, late], measure));
  } catch (error) {
    if (late.aborted) throw new MeasureError('the disk does not answer', { cause: error });
    throw explained(error, directory);
  }
}

function ratesIn(output: string): Rates {
  const found: Partial<Record<string, number>> = JSON.parse(output); // As our program prints it.
  const { readIOPS = 0, writeIOPS = 0, readBPS = 0, writeBPS = 0 } = found;
  const bytes = (rate: number) => {
    const unit = rate < 1 << 20 ? 10n : 20n;
    return formatQuantity({ value: (BigInt(rate) >> unit) << unit }, 'BinarySI');
  };
  return { readIOPS, writeIOPS, readBPS: bytes(readBPS), writeBPS: bytes(writeBPS) };
}

function explained(error: unknown, directory: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error.message.includes('EINVAL')) {
    const why = `the file system at ${directory} reads and writes through the kernel's cache only`;
    return new MeasureError(`${why} (no O_DIRECT): there is no disk to measure`, { cause: error });
  }
  // Without the program's text, which is in the message of a failure.
  const code = /\b(ENOSPC|EACCES|EROFS|EIO|EEXIST|EDQUOT)\b[^\n]*/.exec(error.message)?.[0];
  return new MeasureError(code ?? 'the program that measures failed', { cause: error });
}
