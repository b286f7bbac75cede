/** The file that audit events go to, one JSON line each; a full one is moved aside. */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface AuditSink {
  /** Returns when the line is with the system, so that a crash of this process loses none. */
  write(line: string): void;
  close(): void;
}

export interface AuditLogOptions {
  readonly path: string;
  /** A file larger than this is moved aside. */
  readonly maxBytes: number;
  /** So many of those are kept; 0 = all. */
  readonly maxBackups: number;
  /** Milliseconds since 1970; names the files moved aside. */
  readonly now: () => number;
}

/** Opens the file for appending, with mode 0600. */
export function openAuditLog(options: AuditLogOptions): AuditSink {
  const { path, maxBytes, maxBackups, now } = options;
  let file = openSync(path, 'a', 0o600);
  let bytes = fstatSync(file).size;
  return {
    write(line) {
      const text = Buffer.from(`${line}\n`);
      if (bytes > 0 && bytes + text.length > maxBytes) {
        closeSync(file);
        renameSync(path, `${path}.${new Date(now()).toISOString().replace(/[:.]/g, '-')}`);
        removeOldest(path, maxBackups);
        file = openSync(path, 'a', 0o600);
        bytes = 0;
      }
      writeSync(file, text);
      bytes += text.length;
    },
    close: () => closeSync(file),
  };
}

/** Their names sort by time. */
function removeOldest(path: string, maxBackups: number): void {
  if (maxBackups === 0) return;
  const prefix = `${basename(path)}.`;
  const backups = readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /\d{4}-\d\d-\d\dT[\d-]+Z$/.test(name))
    .sort();
  for (const name of backups.slice(0, Math.max(0, backups.length - maxBackups)))
    rmSync(join(dirname(path), name), { force: true });
}
