/** Takes the snapshots that this node is asked for, tells how far they are, and removes deleted ones. */
import { findCondition } from '../../api/conditions.ts';
import type { VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { Condition, JsonObject } from '../../api/meta.ts';
import { volumeSnapshots } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { dataFinalizer } from '../../api/volume.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { VolumeRoom } from './room.ts';
import { type SnapshotState, snapshotPatch, snapshotStatus } from './snapshot-status.ts';
import { removeSnapshot, takeSnapshot } from './take-snapshot.ts';
import type { VolumeKeeperOptions } from './volume-keeper-options.ts';
import { work } from './work.ts';

/** Snapshots that are taken at the same time. */
const workersMax = 2;

export class SnapshotKeeper {
  readonly #options: VolumeKeeperOptions;
  readonly #room: VolumeRoom;
  readonly #queue: WorkQueue;

  constructor(options: VolumeKeeperOptions, room: VolumeRoom) {
    const { clock, random } = options;
    this.#options = options;
    this.#room = room;
    this.#queue = createWorkQueue({ clock, random, baseMs: 500, maxMs: 30_000, jitter: 0.2 });
  }

  /** Resolves when `signal` has aborted and all work has ended. */
  async run({ signal }: CallOptions): Promise<void> {
    const { client, clock, random, log, nodeName } = this.#options;
    const how = { clock, random, log, fieldSelector: `spec.nodeName=${nodeName}` };
    const informer = createInformer<VolumeSnapshot>(client, volumeSnapshots, how);
    const subscription = informer.events.subscribe((event) => {
      for (const { metadata } of this.#room.snapshots.apply(event)) {
        this.#queue.add(metadata.uid ?? '');
      }
    });
    signal.addEventListener('abort', () => this.#queue.shutDown(), { once: true });
    informer.start();
    const task = (uid: string) =>
      this.#room.serial.run(uid, () => this.#reconcile(uid, { signal }));
    try {
      await Promise.all(
        Array.from({ length: workersMax }, () => work(this.#queue, task, log, signal)),
      );
    } finally {
      subscription.unsubscribe();
      await informer.stop();
    }
  }

  /** Looks at all of them again. */
  resync(): void {
    for (const { metadata } of this.#room.snapshots.list()) this.#queue.add(metadata.uid ?? '');
  }

  /** Whether it has to be tried again without being called. */
  async #reconcile(uid: string, options: CallOptions): Promise<boolean> {
    const snapshot = this.#room.snapshots.get(uid);
    // Without the volumes it cannot be told which are gone.
    if (snapshot?.spec.allocation === undefined) return false;
    if (!this.#room.known.live) return true;
    if (snapshot.metadata.deletionTimestamp !== undefined) {
      const problem = await removeSnapshot(snapshot, this.#room);
      if (problem === undefined) return await this.#letGo(snapshot, options);
      const lost = snapshot.status?.phase === 'Failed';
      await this.#tell(snapshot, { type: 'problem', problem, lost }, options);
      return true;
    }
    const state = await takeSnapshot(snapshot, this.#room, this.#options.clock, options);
    await this.#tell(snapshot, state, options);
    return state.type === 'problem' && !state.lost;
  }

  async #letGo({ metadata }: VolumeSnapshot, { signal }: CallOptions): Promise<false> {
    const { namespace = '', name = '', uid = '', resourceVersion = '', finalizers = [] } = metadata;
    if (!finalizers.includes(dataFinalizer)) return false;
    const rest = finalizers.filter((each) => each !== dataFinalizer);
    const body = { metadata: { uid, resourceVersion, finalizers: rest } };
    await this.#patch(namespace, name, body, { signal });
    this.#options.log.info({ uid, namespace, name }, 'snapshot removed');
    return false;
  }

  async #tell(snapshot: VolumeSnapshot, state: SnapshotState, options: CallOptions): Promise<void> {
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = snapshot.metadata;
    const status = snapshotStatus(snapshot, state, this.#options.clock.now());
    const patch = snapshotPatch(snapshot.status, status);
    if (patch === undefined) return;
    this.#record(snapshot, findCondition(status.conditions, 'Ready'));
    const body = { metadata: { uid, resourceVersion }, status: patch };
    await this.#patch(namespace, name, body, { ...options, subresource: 'status' });
  }

  /** Once for each change, not at every look. */
  #record(snapshot: VolumeSnapshot, ready: Condition | undefined): void {
    const before = findCondition(snapshot.status?.conditions, 'Ready');
    const { status, reason = '', message = '' } = ready ?? {};
    if (before?.reason === reason && before.message === message) return;
    const isTaken = status === 'True';
    this.#options.events.recordEvent({
      involvedObject: snapshot,
      type: isTaken ? 'Normal' : 'Warning',
      reason: isTaken ? 'SnapshotTaken' : reason,
      message: isTaken ? `Took it of volume "${snapshot.spec.volume}"` : message,
    });
  }

  async #patch(
    namespace: string,
    name: string,
    body: JsonObject,
    options: CallOptions & { readonly subresource?: 'status' },
  ): Promise<void> {
    const how = { fieldManager: 'berth-agent', type: 'merge', ...options } as const;
    try {
      await this.#options.client.patch(volumeSnapshots, { namespace, name }, body, how);
    } catch (error) {
      // Conflict: what was changed meanwhile is about to be told to us.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}
