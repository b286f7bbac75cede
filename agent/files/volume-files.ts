/** What the files of a volume say that comes from the API: ConfigMaps, Secrets, tokens, the pod itself. */
import { isAbsolute, normalize } from 'node:path';
import type { Container, KeyToPath, Pod, PodVolume } from '../../api/kinds.gen.ts';
import type { HeldVolume } from '../disks/hold-volumes.ts';
import { ConfigError } from '../pod/config-error.ts';
import { fieldValue, type NodeFacts, resourceValue } from '../pod/downward.ts';
import type { FileContent } from './atomic-files.ts';
import { type Entries, type References, readEntries } from './references.ts';

const defaultFileMode = 0o644;

export interface VolumeContext {
  readonly pod: Pod;
  readonly dataDir: string;
  readonly facts: NodeFacts;
  readonly references: References;
  /** Volumes of the node's disks, by the name that the pod claims. */
  readonly held: ReadonlyMap<string, HeldVolume>;
  readonly signal: AbortSignal;
}

/** The files of a volume whose content comes from the API. Throws `ConfigError`. */
export async function filesOf(
  volume: PodVolume,
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
        files.push({ path: safe(path), content: Buffer.from(content), mode: mode ?? defaultMode });
      }
    } else if (source.serviceAccountToken !== undefined) {
      const token = await context.references.token(source.serviceAccountToken);
      const path = safe(source.serviceAccountToken.path);
      files.push({ path, content: Buffer.from(token), mode: tokenMode(context.pod, defaultMode) });
    } else {
      throw new ConfigError(`volume "${volume.name}" has a source that is not supported`);
    }
  }
  return files;
}

/** In a pod with an `fsGroup` only that group reads the token. Source: kubelet, pkg/volume/projected. */
function tokenMode({ spec }: Pod, defaultMode: number): number {
  return spec.securityContext?.fsGroup === undefined ? defaultMode : 0o600;
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
    if (content !== undefined) return [{ path: safe(path), content, mode: mode ?? defaultMode }];
    if (optional === true) return [];
    throw new ConfigError(`${what} has no key "${key}"`);
  });
}

/** A path within a volume; nothing that leads out of it. */
export function safe(path: string): string {
  const clean = normalize(path);
  if (isAbsolute(clean) || clean.split('/').includes('..')) {
    throw new ConfigError(`path "${path}" must be relative and without ".."`);
  }
  return clean;
}
