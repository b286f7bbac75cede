/** The keeper of names as a process of its own, which goes on when the agent has ended. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeeperProgram } from '../../agent/dns/keeper/keeper-link.ts';
import type { Log } from '../../lib/log.ts';
import { readVersion } from '../version.ts';

/** It holds a table and little else. */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=64'];

/** Linux: 108 with the byte at its end. */
const socketPathBytesMax = 107;

export function keeperProgram(dataDir: string, log: Log): KeeperProgram {
  const main = fileURLToPath(import.meta.resolve('../names-keeper.js'));
  const { socketPath, tablePath, logPath } = keeperFiles(dataDir);
  // One of an earlier build of the same version is replaced, too.
  const build = `${readVersion().berth} ${statSync(main, { throwIfNoEntry: false })?.mtimeMs}`;
  const files = [socketPath, tablePath, logPath];
  return {
    socketPath,
    build,
    start(takesOver) {
      const words = [...nodeFlags, main, ...files, build, ...(takesOver ? ['takes-over'] : [])];
      const child = spawn(process.execPath, words, { detached: true, cwd: '/', stdio: 'ignore' });
      child.on('error', (error) => log.warn({ err: error }, 'the keeper of names did not start'));
      child.unref();
    },
  };
}

export function keeperFiles(dataDir: string) {
  return {
    socketPath: socketIn(dataDir),
    tablePath: join(dataDir, 'names.json'),
    logPath: join(dataDir, 'names.log'),
  };
}

/** A socket's path must not be long. */
function socketIn(dataDir: string): string {
  const path = join(dataDir, 'names.sock');
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path;
  const short = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return `/run/berth-names-${short}.sock`;
}
