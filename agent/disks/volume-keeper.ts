/**
 * Keeps the volumes of one node as the API wants them, and hands them to who may use them: it makes and
 * grows them, tells how they are, and wipes or keeps what they held once they are deleted.
 */
import { join } from 'node:path';
import type { Pod, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { volumes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { claimsOf, isPlaced } from '../../api/volume.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import { retryLevel } from '../../client/retry-level.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import type { CallOptions } from '../../lib/call.ts';
import { VolumeMounts } from '../../runtime/disk/volume-mounts.ts';
import { KeyedSerial } from '../../runtime/serial.ts';
import { endVolume } from './end-volume.ts';
import { HeldTooLong } from './held-too-long.ts';
import {
  claimedUids,
  type HeldVolume,
  holdVolumes,
  limitsOf,
  releaseVolumes,
} from './hold-volumes.ts';
import { keepOrphans } from './keep-orphans.ts';
import { Known } from './known.ts';
import { makeVolume } from './make-volume.ts';
import type { VolumeRoom } from './room.ts';
import { SnapshotKeeper } from './snapshot-keeper.ts';
import type { VolumeKeeperOptions } from './volume-keeper-options.ts';
import { VolumeLocks } from './volume-locks.ts';
import { statusPatch, type VolumeState, volumeStatus } from './volume-status.ts';
import { work } from './work.ts';

/** Volumes that are worked on at the same time: disks are not quicker for more. */
const workersMax = 4;
/** Every volume is looked at this often. */
const resyncMs = 60_000;

export class VolumeKeeper {
  readonly #options: VolumeKeeperOptions;
  readonly #room: VolumeRoom;
  readonly #queue: WorkQueue;
  readonly #snapshots: SnapshotKeeper;
  /** What was last said of a volume in an event. */
  readonly #told = new Map<string, string>();

  constructor(options: VolumeKeeperOptions) {
    const { disks, dataDir, clock, random, machines } = options;
    this.#options = options;
    this.#room = {
      disks,
      mounts: new VolumeMounts(join(dataDir, 'volumes', 'mounts')),
      locks: new VolumeLocks(join(dataDir, 'volumes', 'holders')),
      known: new Known<Volume>(),
      snapshots: new Known<VolumeSnapshot>(),
      serial: new KeyedSerial(),
      tooLong: new HeldTooLong(),
      machines,
    };
    this.#snapshots = new SnapshotKeeper(options, this.#room);
    this.#queue = createWorkQueue({ clock, random, baseMs: 500, maxMs: 30_000, jitter: 0.2 });
  }

  /** All that lie on this node, as far as is known. */
  get known(): Known<Volume> {
    return this.#room.known;
  }

  /** Resolves when `signal` has aborted and all work has ended. */
  async run({ signal }: CallOptions): Promise<void> {
    const { client, clock, random, log, nodeName, disks } = this.#options;
    await disks.tidy();
    await this.#room.mounts.thawAll({ signal });
    const fieldSelector = `spec.nodeName=${nodeName}`;
    const informer = createInformer<Volume>(client, volumes, { clock, random, log, fieldSelector });
    const subscription = informer.events.subscribe((event) => {
      for (const volume of this.known.apply(event)) {
        this.#queue.add(volume.metadata.uid ?? '');
        this.#options.changed(volume);
      }
    });
    signal.addEventListener('abort', () => this.#queue.shutDown(), { once: true });
    informer.start();
    const task = (uid: string) =>
      this.#room.serial.run(uid, () => this.#reconcile(uid, { signal }));
    try {
      const workers = Array.from({ length: workersMax }, () =>
        work(this.#queue, task, log, signal),
      );
      await Promise.all([...workers, this.#resync(signal), this.#snapshots.run({ signal })]);
    } finally {
      subscription.unsubscribe();
      await informer.stop();
    }
  }

  /** Brings what `pod` claims into use; throws `VolumeWait` while one of them cannot be used. */
  async hold(pod: Pod, options: CallOptions): Promise<ReadonlyMap<string, HeldVolume>> {
    return await holdVolumes(pod, this.#room, options);
  }

  /** Gives back all that an instance held, which must have ended. */
  async release(uid: string, options: CallOptions): Promise<void> {
    this.#freed(await releaseVolumes(uid, this.#room, options));
  }

  /** Gives back what a machine was given once and claims no more: it must have it no more. */
  async releaseUnclaimed(pod: Pod, options: CallOptions): Promise<void> {
    const claimed = claimedUids(pod, this.#room);
    if (claimed === undefined) return;
    const { uid = '' } = pod.metadata;
    this.#freed(await releaseVolumes(uid, this.#room, options, claimed));
  }

  #freed(uids: readonly string[]): void {
    for (const freed of uids) {
      this.#queue.add(freed);
      const volume = this.known.get(freed);
      if (volume !== undefined) this.#options.changed(volume);
    }
  }

  /** Changes whenever other limits hold for what the pod claims, or it has grown; empty without claims. */
  limitsKey(pod: Pod): string {
    const { namespace = '' } = pod.metadata;
    return claimsOf(pod)
      .map((name) => {
        const volume = this.known.named(namespace, name);
        const limits = volume === undefined ? {} : limitsOf(volume);
        return `${name}:${volume?.status?.capacity}:${Object.entries(limits).join()}`;
      })
      .join(' ');
  }

  /** Uids of instances that hold something. */
  async holders(): Promise<readonly string[]> {
    return [...(await this.#room.locks.all()).values()].map(({ uid }) => uid);
  }

  async #resync(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(resyncMs, signal).catch(() => undefined);
      for (const { metadata } of this.known.list()) this.#queue.add(metadata.uid ?? '');
      this.#snapshots.resync();
      await keepOrphans(this.#room, this.#options, { signal }).catch((error) => {
        if (!signal.aborted) log[retryLevel(error)]({ err: error }, 'orphans not looked for');
      });
    }
  }

  /** Whether it has to be tried again without being called. */
  async #reconcile(uid: string, options: CallOptions): Promise<boolean> {
    const volume = this.known.get(uid);
    if (volume === undefined || !this.known.live || !isPlaced(volume)) {
      if (volume === undefined) this.#told.delete(uid);
      return false;
    }
    if (volume.metadata.deletionTimestamp !== undefined) {
      const state = await endVolume(volume, this.#room, this.#options, options);
      if (state === undefined) return false;
      await this.#tell(volume, state, options);
      return true;
    }
    const state = await makeVolume(volume, this.#room, options);
    await this.#tell(volume, state, options);
    return state.problem !== undefined && state.problem.reason !== 'InvalidVolume';
  }

  async #tell(volume: Volume, state: VolumeState, { signal }: CallOptions): Promise<void> {
    this.#record(volume, state);
    const { client, clock } = this.#options;
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = volume.metadata;
    const patch = statusPatch(volume.status, volumeStatus(volume, state, clock.now()));
    if (patch === undefined) return;
    const body = { metadata: { uid, resourceVersion }, status: patch };
    const how = { subresource: 'status', fieldManager: 'berth-agent', type: 'merge' } as const;
    try {
      await client.patch<Volume>(volumes, { namespace, name }, body, { ...how, signal });
    } catch (error) {
      // Conflict: what was changed meanwhile is about to be told to us.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** Once for each change, not at every look. */
  #record(volume: Volume, { image, problem }: VolumeState): void {
    const { events, log } = this.#options;
    const { uid = '', namespace = '', name = '' } = volume.metadata;
    const told = problem === undefined ? 'VolumeReady' : `${problem.reason} ${problem.message}`;
    const before = this.#told.get(uid) ?? (volume.status?.phase === 'Ready' ? 'VolumeReady' : '');
    if (told === before) return;
    this.#told.set(uid, told);
    const reason = problem?.reason ?? 'VolumeReady';
    const message = problem?.message ?? `lies at ${image?.path}`;
    const type = problem === undefined || problem.waits ? 'Normal' : 'Warning';
    events.recordEvent({ involvedObject: volume, type, reason, message });
    log.info({ uid, namespace, name, reason }, 'volume');
  }
}
