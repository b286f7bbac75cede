/**
 * Volumes of what has its node already: a machine that is given one more disk, an instance that was made with
 * `nodeName`. They get their place on that node, or the instance is told what they wait for.
 */
import type { Pod, VM, VMStatus, Volume } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import { isVm } from '../../api/vm-instance.ts';
import { claimsOf, isPlaced, volumesBound } from '../../api/volume.ts';
import type { EventRecorder } from '../../client/events.ts';
import { instanceKey, resourceOf } from '../../client/instance.ts';
import { disksDimension } from '../dimensions/storage/disks.ts';
import { piecesOf } from '../dimensions/storage/need.ts';
import { lies } from '../engine/volume-claims.ts';
import { type BinderOptions, type Binding, bind } from './binder.ts';
import { type Cluster, isBound, isFinished } from './cluster.ts';

/** Looked at in one go; the others follow in the next. */
const batchMax = 64;
/** How soon one that could not be written is looked at again, and one that is to be told what it waits for. */
const retryMs = 1_000;

export interface LateVolumesOptions extends BinderOptions {
  readonly cluster: Cluster;
  readonly events: EventRecorder;
  /** What is known of the instance of that key. */
  readonly find: (key: string) => Pod | undefined;
}

interface Waiting {
  readonly key: string;
  readonly message: string;
}

export class LateVolumes {
  readonly #options: LateVolumesOptions;
  /** Keys of instances to look at, by uid. */
  readonly #due = new Map<string, string>();
  /** Those that wait for something: looked at again when anything changes that could help. */
  readonly #waiting = new Map<string, Waiting>();
  #againMs = Number.POSITIVE_INFINITY;

  constructor(options: LateVolumesOptions) {
    this.#options = options;
  }

  /** Takes an instance as it is now. */
  apply(pod: Pod): void {
    const { uid = '', deletionTimestamp } = pod.metadata;
    const isOurs = isBound(pod) && !isFinished(pod) && deletionTimestamp === undefined;
    const told = conditionOf(pod) !== undefined;
    if (!isOurs || (claimsOf(pod).length === 0 && !told)) this.delete(pod);
    else this.#due.set(uid, instanceKey(pod));
  }

  delete({ metadata: { uid = '' } }: Pod): void {
    this.#due.delete(uid);
    this.#waiting.delete(uid);
  }

  /** Something changed that could help those that wait. */
  help(): void {
    for (const [uid, { key }] of this.#waiting) this.#due.set(uid, key);
  }

  /** When there is something to do; infinity: when something changes. */
  nextMs(nowMs: number): number {
    return this.#due.size > 0 ? nowMs : this.#againMs;
  }

  /** Looks at those that are due. Throws as `bind`. */
  async settle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (this.#againMs <= clock.now()) {
      this.#againMs = Number.POSITIVE_INFINITY;
      this.help();
    }
    const due = [...this.#due].slice(0, batchMax);
    for (const [uid, key] of due) {
      this.#due.delete(uid);
      const pod = this.#options.find(key);
      if (pod?.metadata.uid === uid && isBound(pod)) await this.#settleOne(pod, signal);
    }
  }

  async #settleOne(pod: Pod, signal: AbortSignal): Promise<void> {
    const { uid = '' } = pod.metadata;
    const obstacles: string[] = [];
    for (const name of claimsOf(pod)) {
      const message = await this.#settleClaim(pod, name, signal);
      if (message !== undefined) obstacles.push(message);
    }
    const message = obstacles.join('; ');
    const seen = this.#waiting.get(uid)?.message;
    this.#waiting.delete(uid);
    if (message === '') return await this.#tell(pod, message, signal);
    this.#waiting.set(uid, { key: instanceKey(pod), message });
    // A Volume that is made together with the claim is often heard of a moment later.
    if (seen === message) await this.#tell(pod, message, signal);
    else this.#lookAgain();
  }

  /** Why it cannot have that Volume; undefined when it has it, or is about to. */
  async #settleClaim(pod: Pod, name: string, signal: AbortSignal): Promise<string | undefined> {
    const { cluster } = this.#options;
    const { nodeName = '' } = pod.spec;
    const alone = { ...pod, spec: { ...pod.spec, volumes: [claimOf(name)] } };
    const claims = cluster.volumes.claimsOf(alone);
    if (claims === undefined) return undefined;
    if (claims.type === 'wait') return claims.message;
    const elsewhere = claims.lying.find(({ node }) => node !== nodeName);
    if (elsewhere !== undefined)
      return `${lies(elsewhere)}, and ${who(pod)} is on ${nodeName}: take another volume`;
    const [volume] = claims.volumes;
    const { snapshot } = cluster;
    if (volume === undefined || isPlaced(volume)) return undefined;
    // Decided, and not heard of yet.
    if (snapshot.nodeOf(volume.metadata.uid ?? '') !== undefined) return undefined;
    const index = snapshot.indexOf(nodeName);
    const devices = index === undefined ? undefined : snapshot.devicesAt(disksDimension, index);
    const waits = `volume "${name}" gets no place on node ${nodeName}, where ${who(pod)} is`;
    if (devices === undefined) return `${waits}: the node is not there`;
    if (!devices.fits(claims.needs)) return `${waits}: ${shortage(devices.explain(claims.needs))}`;
    const pieces = piecesOf(devices.allocate(claims.needs)) ?? [];
    const volumes = cluster.volumes.decide(pod, [volume], nodeName, pieces);
    return await this.#bind(pod, { ...bindingOf(pod), nodeName, volumes }, volume, signal);
  }

  /** Answers why it could not be written. */
  async #bind(pod: Pod, binding: Binding, volume: Volume, signal: AbortSignal) {
    const { log, cluster, events } = this.#options;
    const [result] = await bind([binding], this.#options, signal);
    const names = { pod: instanceKey(pod), volume: volume.metadata.name };
    if (result?.type === 'failed') {
      const { reason, message } = result.error;
      log.warn({ ...names, reason, message }, 'volume not bound');
      cluster.volumes.takeBack(pod.metadata.uid ?? '');
      return `volume "${volume.metadata.name}" is not bound yet: ${message}`;
    }
    log.info({ ...names, node: binding.nodeName }, 'volume bound');
    const message = `volume "${volume.metadata.name}" has its place on node ${binding.nodeName}`;
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason: volumesBound, message });
    return undefined;
  }

  #lookAgain(): void {
    this.#againMs = Math.min(this.#againMs, this.#options.clock.now() + retryMs);
  }

  /** Writes the condition, or takes it away, where it says something else. */
  async #tell(pod: Pod, message: string, signal: AbortSignal): Promise<void> {
    const { client, clock, events, log } = this.#options;
    const before = conditionOf(pod);
    if ((before?.message ?? '') === message) return;
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const reason = 'VolumeUnavailable';
    const lastTransitionTime = before?.lastTransitionTime ?? now;
    const told = { type: volumesBound, status: 'False', reason, message, lastTransitionTime };
    const others = conditionsOf(pod).filter(({ type }) => type !== volumesBound);
    const all = message === '' ? others : [...others, told];
    // A merge patch replaces the list, so it is for the revision that this was read at.
    const { namespace = '', name = '', resourceVersion } = pod.metadata;
    const conditions = all.map((condition): JsonObject => ({ ...condition }));
    const patch = { metadata: { resourceVersion }, status: { conditions } };
    if (message !== '')
      events.recordEvent({ involvedObject: pod, type: 'Warning', reason, message });
    try {
      const options = { subresource: 'status', type: 'merge', signal } as const;
      await client.patch<Pod | VM>(resourceOf(pod), { namespace, name }, patch, options);
    } catch (error) {
      // Changed or gone meanwhile: the watch brings it back.
      if (signal.aborted || hasReason(error, 'Conflict', 'NotFound')) return;
      log.warn({ err: error, pod: instanceKey(pod) }, 'condition of volumes not written');
    }
  }
}

function claimOf(claimName: string) {
  return { name: claimName, persistentVolumeClaim: { claimName } };
}

function bindingOf(pod: Pod): Pick<Binding, 'resource' | 'namespace' | 'name' | 'uid'> {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  return { resource: isVm(pod) ? 'vms' : 'pods', namespace, name, uid };
}

function who(pod: Pod): string {
  return `${isVm(pod) ? 'the machine' : 'the pod'}`;
}

type Shortage = ReturnType<NonNullable<ReturnType<Cluster['snapshot']['devicesAt']>>['explain']>;

function shortage(short: Shortage): string {
  if (short === undefined) return 'no disk of its class has room';
  const { asked, free } = short.text;
  const remedy = short.remedy ?? 'make room there, or take a smaller volume or another class';
  return `${short.reason} (asked ${asked}, ${free} free); ${remedy}`;
}

type Conditions = NonNullable<VMStatus['conditions']>;

/** Of a machine those that its own status has: as a pod it has the same. */
function conditionsOf(pod: Pod): Conditions {
  // Those of pods need no reason, and are only handed on.
  return (pod.status?.conditions ?? []) as Conditions;
}

function conditionOf(pod: Pod) {
  return conditionsOf(pod).find(({ type }) => type === volumesBound);
}
