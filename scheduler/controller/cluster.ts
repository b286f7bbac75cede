/** Keeps a snapshot equal to what the informers say, plus what was decided and is not yet confirmed. */
import type { Namespace, Node, Pod, Volume } from '../../api/kinds.gen.ts';
import { instanceKey } from '../../client/instance.ts';
import { LargeMap } from '../../lib/large-map.ts';
import type { Log } from '../../lib/log.ts';
import { type Dimensions, dimensionsOf } from '../dimensions/built-in.ts';
import { disksDimension } from '../dimensions/storage/disks.ts';
import { piecesOf } from '../dimensions/storage/need.ts';
import { nodeRecord } from '../engine/node-record.ts';
import { allocationAnnotation, allocationOf, podRequest } from '../engine/pod-request.ts';
import type { Allocation, PlacementRequest } from '../engine/request.ts';
import { type Placed, Snapshot } from '../engine/snapshot.ts';
import { ClusterVolumes, type VolumeBinding } from './cluster-volumes.ts';

/** An instance that was decided, with the Volumes that it claims; absent: none. */
interface Taker {
  readonly pod: Pod;
  readonly request: PlacementRequest;
  readonly volumes?: readonly Volume[];
}

export class Cluster {
  readonly dimensions: Dimensions;
  readonly snapshot: Snapshot;
  readonly volumes: ClusterVolumes;
  readonly #log: Log;
  /** Which uid a name stands for, so that a pod made anew under an old name releases the old one. */
  readonly #uids = new LargeMap<string>();
  /** Of confirmed placements: what they were read from, so that status changes cost nothing. */
  readonly #confirmed = new LargeMap<string>();

  constructor(log: Log, dimensions: Dimensions = dimensionsOf()) {
    this.#log = log;
    this.dimensions = dimensions;
    this.snapshot = new Snapshot(dimensions);
    this.volumes = new ClusterVolumes(this.snapshot, log);
  }

  /** Takes a pod as it is now; true when that made room. */
  applyPod(pod: Pod): boolean {
    const { uid = '' } = pod.metadata;
    const key = instanceKey(pod);
    const before = this.#uids.get(key);
    const replaced = before !== undefined && before !== uid && this.#release(before);
    this.#uids.set(key, uid);
    if (isFinished(pod)) return this.#release(uid) || replaced;
    // A pod never loses its node: while a cached one shows none, an assumption about it stands.
    if (isBound(pod)) this.#confirm(pod, uid);
    return replaced;
  }

  /** Forgets a pod that was deleted; true when that made room. */
  deletePod(pod: Pod): boolean {
    const key = instanceKey(pod);
    const uid = this.#uids.get(key);
    this.#uids.delete(key);
    const released = this.#release(pod.metadata.uid ?? '');
    return (uid !== undefined && uid !== pod.metadata.uid && this.#release(uid)) || released;
  }

  /** Takes a node as it is now; true when anything about it matters that was different. */
  applyNode(node: Node): boolean {
    try {
      return this.snapshot.upsertNode(nodeRecord(node, this.dimensions));
    } catch (error) {
      this.#log.error(
        { err: error, node: node.metadata.name },
        'node not understood, left as it was',
      );
      return false;
    }
  }

  /** Forgets a node; false, because that helps nobody. */
  deleteNode(node: Node): false {
    this.snapshot.removeNode(node.metadata.name ?? '');
    return false;
  }

  /** What it takes, whatever its owner says of where. Throws as `podRequest`. */
  requestOf(pod: Pod): PlacementRequest {
    return podRequest(pod, undefined, this.dimensions);
  }

  /** Takes a namespace as it is now; true when its labels are others than before. */
  applyNamespace({ metadata }: Namespace): boolean {
    return this.snapshot.peers.setNamespace(metadata.name ?? '', metadata.labels ?? {});
  }

  deleteNamespace({ metadata }: Namespace): boolean {
    return this.snapshot.peers.setNamespace(metadata.name ?? '', undefined);
  }

  /**
   * What a decision gives to the instance itself, and to the Volumes that it claims: these stand for themselves in the
   * snapshot, and stay there when their first user is gone.
   */
  give(
    { pod, request, volumes }: Taker,
    { node, allocation }: Pick<Placed, 'node' | 'allocation'>,
  ): { readonly allocation: Allocation; readonly volumes?: readonly VolumeBinding[] } {
    if (volumes === undefined) return { allocation };
    const { [disksDimension]: stored, ...rest } = allocation;
    const parts = request.parts.filter(({ dimension }) => dimension !== disksDimension);
    this.snapshot.assume({ ...request, parts }, node, rest);
    const pieces = stored === undefined ? [] : (piecesOf(stored) ?? []);
    return { allocation: rest, volumes: this.volumes.decide(pod, volumes, node, pieces) };
  }

  /** Counts a decision that is not yet carried out. */
  assume(request: PlacementRequest, node: string, allocation: Allocation): void {
    this.snapshot.assume(request, node, allocation);
  }

  /** Takes a decision back that was not carried out; a confirmed one stays. */
  forget(uid: string): void {
    this.volumes.takeBack(uid);
    if (!this.#confirmed.has(uid)) this.snapshot.release(uid);
  }

  #confirm(pod: Pod, uid: string): void {
    const { nodeName = '' } = pod.spec;
    const allocation = pod.metadata.annotations?.[allocationAnnotation] ?? '';
    const labels = JSON.stringify(pod.metadata.labels ?? {});
    // In-place resizing changes the spec, and with it the generation.
    const source = `${nodeName} ${pod.metadata.generation ?? 0} ${allocation} ${labels}`;
    if (pod.metadata.generation !== undefined && this.#confirmed.get(uid) === source) return;
    try {
      const request = this.requestOf(pod);
      this.snapshot.assume(request, nodeName, allocationOf(pod));
      this.#confirmed.set(uid, source);
    } catch (error) {
      this.#log.error(
        { err: error, pod: instanceKey(pod) },
        'bound pod not understood, not counted',
      );
    }
  }

  #release(uid: string): boolean {
    this.#confirmed.delete(uid);
    return this.snapshot.release(uid);
  }
}

/** Whether it has a node. */
export function isBound({ spec }: Pod): boolean {
  return spec.nodeName !== undefined && spec.nodeName !== '';
}

/** A pod that has ended for good takes nothing; a stopped one (phase Pending) keeps what it has. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
