/** The Volumes of the cluster and their snapshots: what they take of the nodes' disks, and who uses each or is about to. */
import type { Pod, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { isPlaced } from '../../api/volume.ts';
import type { Log } from '../../lib/log.ts';
import { disksDimension } from '../dimensions/storage/disks.ts';
import { pieceOn, type VolumeNeed, type VolumePieces } from '../dimensions/storage/need.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import {
  type Holder,
  needOf,
  snapshotNeed,
  type VolumeClaims,
  volumeClaims,
} from '../engine/volume-claims.ts';

/** One Volume of a binding: it gets that disk, or has one already. */
export interface VolumeBinding {
  readonly name: string;
  readonly uid: string;
  readonly disk?: string;
}

export class ClusterVolumes {
  readonly #snapshot: Snapshot;
  readonly #log: Log;
  readonly #known = new Map<string, Volume>();
  readonly #snapshots = new Map<string, VolumeSnapshot>();
  /** By uid: for whom it was decided, as long as the Volume itself does not say so. */
  readonly #decided = new Map<string, Holder>();
  /** By uid: who of the present batch comes first, by uid. */
  readonly #wanted = new Map<string, string>();

  constructor(snapshot: Snapshot, log: Log) {
    this.#snapshot = snapshot;
    this.#log = log;
  }

  /** Takes a Volume as it is now; true when that could help one that waits. */
  apply(volume: Volume): boolean {
    const key = keyOf(volume);
    const { uid = '' } = volume.metadata;
    const before = this.#known.get(key);
    this.#known.set(key, volume);
    const isSame = before?.metadata.uid === uid;
    if (before !== undefined && !isSame) this.#forget(before);
    if (volume.status?.holder !== undefined) this.#decided.delete(uid);
    const isSameSpec = isSame && JSON.stringify(before?.spec) === JSON.stringify(volume.spec);
    // A Volume never loses its place: while a cached one shows none, an assumption about it stands.
    if (isPlaced(volume) && !isSameSpec) this.#place(volume);
    return !isSameSpec || before?.status?.holder?.uid !== volume.status?.holder?.uid;
  }

  /** Forgets a Volume that was deleted; true, because its disk has more room. */
  delete(volume: Volume): true {
    this.#forget(volume);
    if (this.#known.get(keyOf(volume))?.metadata.uid === volume.metadata.uid) {
      this.#known.delete(keyOf(volume));
    }
    return true;
  }

  /** Takes a snapshot as it is now; true when that could help one that waits. */
  applySnapshot(taken: VolumeSnapshot): boolean {
    const { uid = '' } = taken.metadata;
    const before = this.#snapshots.get(keyOf(taken));
    this.#snapshots.set(keyOf(taken), taken);
    if (before !== undefined && before.metadata.uid !== uid) this.deleteSnapshot(before);
    try {
      const need = snapshotNeed(taken);
      const { nodeName = '', allocation } = taken.spec;
      if (need !== undefined) this.#assume(uid, need, nodeName, allocation?.disk ?? '');
    } catch (error) {
      this.#log.error({ err: error, snapshot: keyOf(taken) }, 'not understood, not counted');
    }
    const told = ({ status = {} }: VolumeSnapshot) => `${status.readyToUse} ${status.message}`;
    return before === undefined || told(before) !== told(taken);
  }

  /** Forgets a snapshot that was deleted; true, because its disk has more room. */
  deleteSnapshot(taken: VolumeSnapshot): true {
    const { uid = '' } = taken.metadata;
    this.#snapshot.release(uid);
    if (this.#snapshots.get(keyOf(taken))?.metadata.uid === uid) {
      this.#snapshots.delete(keyOf(taken));
    }
    return true;
  }

  /** Undefined for an instance that claims none. */
  claimsOf(pod: Pod): VolumeClaims | undefined {
    return volumeClaims(pod, {
      ...this.#within(pod),
      holderOf: ({ metadata: { uid = '' }, status }) => status?.holder ?? this.#decided.get(uid),
    });
  }

  /** By `namespace/name`. */
  get(key: string): Volume | undefined {
    return this.#known.get(key);
  }

  /** By `namespace/name`. */
  snapshot(key: string): VolumeSnapshot | undefined {
    return this.#snapshots.get(key);
  }

  /** From here on nobody of an earlier batch wants anything. */
  beginBatch(): void {
    this.#wanted.clear();
  }

  /** As `claimsOf`, for one of a batch; later, when another of it wants the same Volume and comes first. */
  want(pod: Pod): VolumeClaims | 'later' | undefined {
    const claims = this.claimsOf(pod);
    if (claims?.type !== 'claims') return claims;
    const { uid: wanting = '' } = pod.metadata;
    const uids = claims.volumes.map(({ metadata }) => metadata.uid ?? '');
    if (uids.some((uid) => (this.#wanted.get(uid) ?? wanting) !== wanting)) return 'later';
    for (const uid of uids) this.#wanted.set(uid, wanting);
    return claims;
  }

  /** Counts a decision that is not yet carried out; `pieces` are of those without a place. */
  decide(pod: Pod, volumes: readonly Volume[], node: string, pieces: VolumePieces) {
    const { uid: holder = '', name: holderName = '' } = pod.metadata;
    return volumes.map((volume): VolumeBinding => {
      const { uid = '', name = '' } = volume.metadata;
      this.#decided.set(uid, { kind: pod.kind, name: holderName, uid: holder });
      const piece = pieces.find((each) => each.name === name);
      if (piece === undefined) return { name, uid };
      this.#assume(uid, needOf(volume), node, piece.disk);
      return { name, uid, disk: piece.disk };
    });
  }

  /** Takes back what was decided for an instance and not carried out. */
  takeBack(holder: string): void {
    for (const [uid, { uid: decidedFor }] of this.#decided) {
      if (decidedFor !== holder) continue;
      this.#decided.delete(uid);
      const known = [...this.#known.values()].find(({ metadata }) => metadata.uid === uid);
      if (known === undefined || !isPlaced(known)) this.#snapshot.release(uid);
    }
  }

  /** What there is in its namespace, by name. */
  #within({ metadata: { namespace = '' } }: Pod) {
    return {
      find: (name: string) => this.#known.get(`${namespace}/${name}`),
      snapshot: (name: string) => this.#snapshots.get(`${namespace}/${name}`),
    };
  }

  #place(volume: Volume): void {
    const { nodeName = '', allocation } = volume.spec;
    try {
      const { uid = '' } = volume.metadata;
      this.#assume(uid, needOf(volume), nodeName, allocation?.disk ?? '');
    } catch (error) {
      this.#log.error({ err: error, volume: keyOf(volume) }, 'volume not understood, not counted');
    }
  }

  #assume(uid: string, need: VolumeNeed, node: string, disk: string): void {
    const parts = [{ dimension: disksDimension, need: [need] }];
    const allocation = { [disksDimension]: [pieceOn(disk, need)] };
    this.#snapshot.assume({ uid, owner: undefined, amounts: [], parts }, node, allocation);
  }

  #forget({ metadata: { uid = '' } }: Volume): void {
    this.#decided.delete(uid);
    this.#snapshot.release(uid);
  }
}
