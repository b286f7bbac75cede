/** The serial console's output, kept in a file: what a machine has for a log. */
import { open, stat } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import type { LogChunk, LogOptions } from '../runtime.ts';

const pollMs = 250;
const chunkBytes = 64 * 1024;

/** A console has no times of its own: `sinceMs` leaves nothing out, and lines are stamped when read. */
export async function* readConsoleLog(
  clock: Clock,
  path: string,
  ended: () => Promise<boolean>,
  { follow, tailLines, timestamps, signal }: LogOptions,
): AsyncGenerator<LogChunk> {
  const size = async () => (await stat(path).catch(() => undefined))?.size ?? 0;
  let at = tailLines === undefined ? 0 : await tailStart(path, await size(), tailLines);
  let lineStart = true;
  for (;;) {
    // Asked first, so that what was said at the very end is read.
    const over = !follow || (await ended());
    for (let end = await size(); at < end; ) {
      const data = await readAt(path, at, Math.min(chunkBytes, end - at));
      if (data.length === 0) break;
      at += data.length;
      const stamped = timestamps ? stamp(data, lineStart, clock.now()) : data;
      lineStart = data.at(-1) === newline;
      yield { stream: 'stdout', data: stamped };
    }
    if (over || signal.aborted) return;
    await clock.sleep(pollMs, signal).catch(() => undefined);
  }
}

const newline = 0x0a;

async function readAt(path: string, at: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Where the last `lines` lines begin. */
async function tailStart(path: string, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let left = lines;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const data = await readAt(path, start, end - start);
    for (let index = data.length - 1; index >= 0; index -= 1) {
      const last = start + index === size - 1;
      if (data[index] !== newline || last) continue;
      left -= 1;
      if (left === 0) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

function stamp(data: Buffer, lineStart: boolean, nowMs: number): Buffer {
  const prefix = `${new Date(nowMs).toISOString()} `;
  const text = data.toString('latin1').replace(/\n(?!$)/g, `\n${prefix}`);
  return Buffer.from(lineStart ? prefix + text : text, 'latin1');
}
