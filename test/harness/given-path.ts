/** Paths that a user names on the command line of a script: npm runs scripts in the package's folder, not in theirs. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** As it is where there is such a file; else as seen from the folder in which npm was called. */
export function givenPath(path: string): string {
  const callersFolder = process.env['INIT_CWD'];
  if (callersFolder === undefined || existsSync(path)) return path;
  const seenByCaller = resolve(callersFolder, path);
  return existsSync(seenByCaller) ? seenByCaller : path;
}
