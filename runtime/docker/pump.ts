import type { Duplex, PassThrough } from 'node:stream';
import { drained } from '../drained.ts';
import { demux } from './demux.ts';

/**
 * The engine takes some keys of a terminal as a wish to leave it: by default ctrl-p, which shells
 * need, and ctrl-q. It cannot be told to take none, so these are some that nobody types.
 */
export const detachKeys = 'ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@';

/** Reads a process's connection to its end; a target that is not read holds up both. */
export async function pump(
  socket: Duplex,
  tty: boolean,
  stdout: PassThrough,
  stderr: PassThrough,
): Promise<void> {
  for await (const { stream, data } of demux(socket.iterator({ destroyOnReturn: false }), tty)) {
    const target = stream === 'stdout' ? stdout : stderr;
    if (target.destroyed) continue;
    if (!target.write(data)) await drained(target);
  }
}
