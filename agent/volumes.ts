/** A pod's volumes as directories of the machine, under `<dataDir>/pods/<uid>/volumes/`. */
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import type { Container, KeyToPath, Pod, Volume } from '../api/kinds.gen.ts';
import type { MountSpec } from '../runtime/runtime.ts';
import { ConfigError } from './config-error.ts';
import { fieldValue, type NodeFacts, resourceValue } from './downward.ts';
import { expand } from './expand.ts';
import { giveToGroup } from './fs-group.ts';
import { hostPathOf } from './host-path.ts';
import { type Entries, type References, readEntries } from './references.ts';

const defaultFileMode = 0o644;

export interface VolumeContext {
  readonly pod: Pod;
  readonly dataDir: string;
  readonly facts: NodeFacts;
  readonly references: References;
}

/** Everything the agent keeps on disk about one pod. */
export function podDirectory(dataDir: string, uid: string): string {
  return join(dataDir, 'pods', uid);
}

/** Pods that have something on disk. */
export async function podDirectories(dataDir: string): Promise<readonly string[]> {
  return await readdir(join(dataDir, 'pods')).catch(() => []);
}

export async function removePodDirectory(dataDir: string, uid: string): Promise<void> {
  await rm(podDirectory(dataDir, uid), { recursive: true, force: true });
}

/** Makes the volumes that `container` mounts, and says where. `env` is for `subPathExpr`. */
export async function resolveMounts(
  container: Container,
  env: ReadonlyMap<string, string>,
  context: VolumeContext,
): Promise<readonly MountSpec[]> {
  const mounts: MountSpec[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = context.pod.spec.volumes?.find((each) => each.name === mount.name);
    if (volume === undefined) throw new ConfigError(`volume "${mount.name}" not found`);
    const subPath = mount.subPath ?? expand(mount.subPathExpr ?? '', env);
    try {
      const made = await makeVolume(volume, container, context);
      mounts.push({
        hostPath: subPath === '' ? made.path : await inside(made, subPath),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || made.readOnly,
      });
    } catch (error) {
      throw isFromDisk(error) ? new ConfigError(`volume "${mount.name}": ${error.message}`) : error;
    }
  }
  return mounts;
}

/** A full disk, a file where a directory should be: the pod's user must hear of it. */
function isFromDisk(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

interface MadeVolume {
  readonly path: string;
  /** Content comes from the API; writing to it would be lost. */
  readonly readOnly: boolean;
}

async function makeVolume(
  volume: Volume,
  container: Container,
  context: VolumeContext,
): Promise<MadeVolume> {
  if (volume.hostPath !== undefined) {
    return { path: await hostPathOf(volume.hostPath), readOnly: false };
  }
  const uid = context.pod.metadata.uid ?? '';
  const path = join(podDirectory(context.dataDir, uid), 'volumes', volume.name);
  const made = await mkdir(path, { recursive: true });
  if (volume.emptyDir !== undefined) {
    // Every user of the container may write, as upstream has it; later changes are the pod's own.
    if (made !== undefined) {
      await chmod(path, 0o777);
      await giveToGroup(path, context.pod, 'write');
    }
    return { path, readOnly: false };
  }
  for (const file of await filesOf(volume, container, context)) {
    const target = join(path, safe(file.path));
    await mkdir(dirname(target), { recursive: true });
    // The user of the container reads it, whatever the umask of the agent.
    for (const directory of [path, dirname(target)]) await chmod(directory, 0o755);
    // Another container may be reading it: what is the same is left alone.
    const content = Buffer.from(file.content);
    const known = await readFile(target).catch(() => undefined);
    if (known?.equals(content) !== true) await writeFile(target, content, { mode: 0o600 });
    await chmod(target, file.mode);
    await giveToGroup(target, context.pod, 'read');
  }
  return { path, readOnly: true };
}

interface FileContent {
  readonly path: string;
  readonly content: Buffer | string;
  readonly mode: number;
}

async function filesOf(
  volume: Volume,
  container: Container,
  context: VolumeContext,
): Promise<readonly FileContent[]> {
  const { configMap, secret, downwardAPI, projected } = volume;
  const sources =
    projected?.sources ??
    (configMap !== undefined
      ? [{ configMap }]
      : secret !== undefined
        ? [{ secret: { ...secret, name: secret.secretName ?? '' } }]
        : downwardAPI !== undefined
          ? [{ downwardAPI }]
          : undefined);
  if (sources === undefined) {
    throw new ConfigError(`volume "${volume.name}" is of a type that is not supported`);
  }
  const { defaultMode = defaultFileMode } = projected ?? configMap ?? secret ?? downwardAPI ?? {};
  const files: FileContent[] = [];
  for (const source of sources) {
    const ref = source.configMap ?? source.secret;
    if (ref !== undefined) {
      const kind = source.secret === undefined ? 'configmap' : 'secret';
      const { name = '', items, optional } = ref;
      const entries = await readEntries(context.references, kind, name, optional);
      files.push(...pick(entries, items, { defaultMode, optional, what: `${kind} "${name}"` }));
    } else if (source.downwardAPI !== undefined) {
      for (const { path, fieldRef, resourceFieldRef, mode } of source.downwardAPI.items ?? []) {
        const content =
          fieldRef !== undefined
            ? fieldValue(fieldRef, context.pod, context.facts)
            : resourceValue(
                resourceFieldRef ?? { resource: '' },
                container,
                context.pod,
                context.facts,
              );
        files.push({ path, content, mode: mode ?? defaultMode });
      }
    } else {
      throw new ConfigError(`volume "${volume.name}" has a source that is not supported`);
    }
  }
  return files;
}

function pick(
  entries: Entries | undefined,
  items: readonly KeyToPath[] | undefined,
  options: {
    readonly defaultMode: number;
    readonly optional: boolean | undefined;
    readonly what: string;
  },
): readonly FileContent[] {
  const { defaultMode, optional, what } = options;
  if (items === undefined) {
    return [...(entries ?? [])].map(([path, content]) => ({ path, content, mode: defaultMode }));
  }
  return items.flatMap(({ key, path, mode }) => {
    const content = entries?.get(key);
    if (content !== undefined) return [{ path, content, mode: mode ?? defaultMode }];
    if (optional === true) return [];
    throw new ConfigError(`${what} has no key "${key}"`);
  });
}

/**
 * A `subPath` is made as a directory unless it is there already, as open as the volume itself. What
 * containers write into the volume may be links to anywhere on the machine: none that leads out of
 * the volume is followed, and the answer contains none. (Between here and the mount one could still
 * be slipped in by a container that runs; only mounting by file descriptor would close that.)
 */
async function inside({ path, readOnly }: MadeVolume, subPath: string): Promise<string> {
  const root = await realpath(path);
  const mode = (await stat(root)).mode & 0o7777;
  let at = path;
  for (const word of safe(subPath).split('/').filter(isWord)) {
    at = join(at, word);
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined) {
      if (readOnly) throw new ConfigError(`subPath "${subPath}" is not in the volume`);
      await mkdir(at);
      await chmod(at, mode);
    } else if (found.isSymbolicLink()) {
      at = await realpath(at);
      if (at !== root && !at.startsWith(root + sep)) {
        throw new ConfigError(`subPath "${subPath}" leads out of the volume`);
      }
    }
  }
  return at;
}

function isWord(word: string): boolean {
  return word !== '' && word !== '.';
}

function safe(path: string): string {
  const clean = normalize(path);
  if (isAbsolute(clean) || clean.split('/').includes('..')) {
    throw new ConfigError(`path "${path}" must be relative and without ".."`);
  }
  return clean;
}
