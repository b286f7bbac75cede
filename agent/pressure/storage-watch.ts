/** Measures pods that limit their own use of the disk, and ends those that exceed it; no others. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { podDirectory } from '../files/volumes.ts';
import { exceededLimit, limitedEmptyDirs, limitsContainers } from './storage-limits.ts';

/** How long it rests between two rounds. */
const restMs = 10_000;
/** Files of one volume that are looked at; what is beyond does not count. */
const filesMax = 200_000;

export interface StorageWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly pods: () => readonly Pod[];
  readonly runtimeOf: (pod: Pod) => Runtime | undefined;
  readonly evict: (uid: string, why: string) => void;
}

export async function runStorageWatch(
  options: StorageWatchOptions,
  { signal }: CallOptions,
): Promise<void> {
  const { clock, log, pods, evict } = options;
  while (!signal.aborted) {
    for (const pod of pods()) {
      if (signal.aborted || pod.status?.phase !== 'Running') continue;
      const { uid = '', namespace, name } = pod.metadata;
      try {
        const why = await measure(options, pod, signal);
        if (why === undefined) continue;
        log.warn({ uid, namespace, name, why }, 'pod exceeded its own storage limit');
        evict(uid, why);
      } catch (error) {
        if (!signal.aborted) log.warn({ uid, err: error }, 'use of the disk not measured');
      }
    }
    await clock.sleep(restMs, signal).catch(() => undefined);
  }
}

async function measure(
  { dataDir, runtimeOf }: StorageWatchOptions,
  pod: Pod,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { uid = '' } = pod.metadata;
  const emptyDirs = new Map<string, number>();
  for (const name of limitedEmptyDirs(pod))
    emptyDirs.set(name, await bytesIn(join(podDirectory(dataDir, uid), 'volumes', name), signal));
  const wanted = limitsContainers(pod) ? runtimeOf(pod) : undefined;
  const containers = (await wanted?.diskUsage(uid, { signal })) ?? new Map<string, number>();
  return exceededLimit(pod, { containers, emptyDirs });
}

/** What is on the disk of it, as `du` counts: holes are free. What vanishes meanwhile is nothing. */
export async function bytesIn(directory: string, signal: AbortSignal): Promise<number> {
  let [bytes, files] = [0, 0];
  const waiting = [directory];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const entries = await opendir(path).catch(() => undefined);
    if (entries === undefined) continue;
    for await (const entry of entries) {
      signal.throwIfAborted();
      files += 1;
      if (files > filesMax) return bytes;
      const found = await lstat(join(path, entry.name)).catch(() => undefined);
      bytes += (found?.blocks ?? 0) * 512;
      if (entry.isDirectory()) waiting.push(join(path, entry.name));
    }
  }
  return bytes;
}
