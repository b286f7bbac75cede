/**
 * A directory of files that is replaced as a whole: readers see all of the old or all of the new.
 * `..data` links to a directory of its own, what readers know are links into it, and one rename of
 * `..data` changes all of them. Source: kubelet, `pkg/volume/util/atomic_writer.go`.
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FileContent {
  /** Relative, and not out of the directory. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

const dataLink = '..data';
const nextLink = '..data_tmp';
/** Of the directories that `..data` links to; the rest of their names is random. */
const versionPrefix = '..v_';
/** What a group needs in order to read. */
const groupRead = 0o440;

/** Makes `directory` hold exactly `files`; whether anything had to change. One caller at a time. */
export async function replaceFiles(
  directory: string,
  files: readonly FileContent[],
  group?: number,
): Promise<boolean> {
  // The later source of a projected volume wins.
  const wanted = [...new Map(files.map((file) => [file.path, file])).values()];
  // Every user of the container reads it, whatever the umask of the agent.
  await chmod(directory, 0o755);
  const current = await readlink(join(directory, dataLink)).catch(() => undefined);
  if (current !== undefined && (await isSame(join(directory, current), wanted, group))) {
    await linkNames(directory, wanted);
    return false;
  }
  const version = await mkdtemp(join(directory, versionPrefix));
  await chmod(version, 0o755);
  for (const file of wanted) await write(version, file, group);
  await rm(join(directory, nextLink), { force: true });
  await symlink(version.slice(directory.length + 1), join(directory, nextLink));
  await rename(join(directory, nextLink), join(directory, dataLink));
  await linkNames(directory, wanted);
  await removeOld(directory, version.slice(directory.length + 1));
  return true;
}

function modeOf({ mode }: FileContent, group: number | undefined): number {
  return group === undefined ? mode : mode | groupRead;
}

async function isSame(
  version: string,
  wanted: readonly FileContent[],
  group: number | undefined,
): Promise<boolean> {
  for (const file of wanted) {
    const path = join(version, file.path);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || (found.mode & 0o7777) !== modeOf(file, group)) return false;
    if (found.size !== file.content.length) return false;
    if (!(await readFile(path)).equals(file.content)) return false;
  }
  const entries = await readdir(version, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length === wanted.length;
}

async function write(version: string, file: FileContent, group: number | undefined): Promise<void> {
  const target = join(version, file.path);
  for (let at = dirname(target); at !== version; at = dirname(at)) {
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
  }
  await writeFile(target, file.content, { mode: 0o600 });
  if (group !== undefined) await chown(target, (await stat(target)).uid, group);
  await chmod(target, modeOf(file, group));
}

/** The names that readers use: those that are new, and none that nothing is behind. */
async function linkNames(directory: string, wanted: readonly FileContent[]): Promise<void> {
  const names = new Set(wanted.map(({ path }) => path.split('/')[0] ?? ''));
  for (const name of names) {
    const link = join(directory, name);
    const found = await lstat(link).catch(() => undefined);
    if (found?.isSymbolicLink()) continue;
    // Left by an earlier version of Berth, which wrote files in their place.
    if (found !== undefined) await rm(link, { recursive: true });
    await symlink(join(dataLink, name), link);
  }
  for (const name of await readdir(directory)) {
    if (name.startsWith('..') || names.has(name)) continue;
    await rm(join(directory, name), { recursive: true });
  }
}

async function removeOld(directory: string, version: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(versionPrefix) || name === version) continue;
    await rm(join(directory, name), { recursive: true });
  }
}
