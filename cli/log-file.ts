/** A log file that is cut by size: one old file is kept. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const bytesMax = 20 * 1024 * 1024;

/** Where log lines go; `write` returns when the line is with the system. */
export interface LogFile {
  write(line: string): void;
}

/** Appends to `path`; when it grows over `limit` it becomes `<path>.1`. */
export function openLogFile(path: string, limit = bytesMax): LogFile {
  let fd = openSync(path, 'a', 0o600);
  let bytes = fstatSync(fd).size;
  return {
    write(line) {
      if (bytes >= limit) {
        renameSync(path, `${path}.1`);
        closeSync(fd);
        fd = openSync(path, 'a', 0o600);
        bytes = 0;
      }
      bytes += writeSync(fd, line);
    },
  };
}
