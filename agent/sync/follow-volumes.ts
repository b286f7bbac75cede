/** Files of ConfigMaps, Secrets, tokens and the pod itself that follow what they come from while it runs. */
import { stat } from 'node:fs/promises';
import type { Pod, PodVolume } from '../../api/kinds.gen.ts';
import { tokensDueAtMs } from '../files/account-tokens.ts';
import type { References } from '../files/references.ts';
import { volumeDirectory, writeFiles } from '../files/volumes.ts';
import { ConfigError } from '../pod/config-error.ts';
import { containersOf } from '../pod/pod-view.ts';
import type { PodContext } from './pod-context.ts';

/** How soon it is tried again when the API could not be asked, or the disk is full. */
const retryMs = 5_000;

/** What this pass has read from the API, and how often that had changed before. */
export interface ReadSources {
  readonly references: References;
  readonly sourceChanges: number;
}

/** Does nothing unless something may have changed. Answers when to look again. */
export async function followVolumes(
  context: PodContext,
  { references, sourceChanges }: ReadSources,
): Promise<number> {
  const { pod, memory, clock, signal, log, uid } = context;
  const volumes = (pod.spec.volumes ?? []).filter(isFollowing);
  if (volumes.length === 0) return Number.POSITIVE_INFINITY;
  const metadata = metadataOf(pod, volumes);
  const dueAtMs = tokensDueAtMs(memory);
  const isWritten =
    memory.written?.sourceChanges === sourceChanges && memory.written.metadata === metadata;
  if (isWritten && clock.now() < dueAtMs) return dueAtMs;
  memory.written = undefined;
  try {
    for (const volume of volumes) await follow(context, volume, references);
    memory.written = { sourceChanges, metadata };
    // A token that is due and could not be written, because something beside it is missing, has time.
    return Math.max(tokensDueAtMs(memory), clock.now() + retryMs);
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ uid, err: error }, 'volumes not brought up to date');
    return clock.now() + retryMs;
  }
}

function isFollowing({ configMap, secret, downwardAPI, projected }: PodVolume): boolean {
  return [configMap, secret, downwardAPI, projected].some((source) => source !== undefined);
}

/** What of the pod itself can be in files; empty when none of it is. */
function metadataOf({ metadata }: Pod, volumes: readonly PodVolume[]): string {
  const asks = volumes.some(
    ({ downwardAPI, projected }) =>
      downwardAPI !== undefined ||
      projected?.sources?.some((source) => source.downwardAPI !== undefined) === true,
  );
  return asks ? JSON.stringify([metadata.labels, metadata.annotations]) : '';
}

async function follow(
  context: PodContext,
  volume: PodVolume,
  references: References,
): Promise<void> {
  const { pod, dataDir, facts, events, uid, log, signal } = context;
  const volumeContext = { pod, dataDir, facts, references, held: new Map(), signal };
  const path = volumeDirectory(volumeContext, volume);
  const container = containersOf(pod).find(({ volumeMounts }) =>
    volumeMounts?.some(({ name }) => name === volume.name),
  );
  // Nobody has started with it yet: it is made when somebody does.
  const found = await stat(path).catch(() => undefined);
  if (container === undefined || found === undefined) return;
  try {
    if (await writeFiles(path, volume, container, volumeContext))
      log.info({ uid, volume: volume.name }, 'volume brought up to date');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // What runs keeps what it has; the source's return is a change again.
    const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
    events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'FailedMount', message });
  }
}
