/** Which pods belong together, and how many of them must be placed at the same time. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { instanceKey } from '../../client/instance.ts';
import { LargeMap } from '../../lib/large-map.ts';
import { controllerOf } from '../engine/pod-request.ts';
import { isBound, isFinished } from './cluster.ts';

/** As the coscheduling plugin of Kubernetes has it. */
const groupLabel = 'scheduling.x-k8s.io/pod-group';
const minMemberAnnotation = 'berth.dev/gang-min-member';
const timeoutAnnotation = 'berth.dev/gang-timeout-seconds';

/** Of a Workload the schema's. */
const defaultTimeoutSeconds = 300;

export interface Gang {
  readonly key: string;
  /** For people. */
  readonly name: string;
  /** Undefined where nothing readable says it. */
  readonly minMember: number | undefined;
  readonly timeoutMs: number;
}

/** The gang of a pod, by its label, or by its Workload's `placement.gang`. */
export function gangOf(pod: Pod, workload: Workload | undefined): Gang | undefined {
  const key = groupOf(pod);
  if (key === undefined) return undefined;
  const { labels, annotations } = pod.metadata;
  const label = labels?.[groupLabel];
  const ofWorkload = workload?.spec.placement?.gang;
  if (label === undefined && ofWorkload === undefined) return undefined;
  const fromWorkload = ofWorkload && (ofWorkload.minMember ?? workload?.spec.replicas ?? 1);
  const seconds = ofWorkload?.timeoutSeconds ?? defaultTimeoutSeconds;
  return {
    key,
    name: label ?? workload?.metadata.name ?? '',
    minMember: wholeNumber(annotations?.[minMemberAnnotation]) ?? fromWorkload,
    timeoutMs: 1_000 * (wholeNumber(annotations?.[timeoutAnnotation]) ?? seconds),
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}

/** What its members have in common: known of each pod, whether or not they must come together. */
function groupOf({ metadata, ...pod }: Pod): string | undefined {
  const { namespace = '', labels } = metadata;
  const label = labels?.[groupLabel];
  if (label !== undefined) return `${namespace}/${label}`;
  const owner = controllerOf({ metadata, ...pod });
  return owner?.kind === 'Workload' ? owner.uid : undefined;
}

interface Members {
  /** Uid → key. */
  readonly waiting: Map<string, string>;
  readonly placed: Set<string>;
}

export class Gangs {
  readonly #groups = new Map<string, Members>();
  readonly #groupOf = new LargeMap<string>();

  /** Takes a pod as it is now; `waits` for a node of ours. */
  apply(pod: Pod, waits: boolean): void {
    const group = groupOf(pod);
    const { uid = '', deletionTimestamp } = pod.metadata;
    this.#forget(uid);
    if (group === undefined) return;
    // One that has done its work has been there; one that failed or goes is missing.
    const stands = isFinished(pod) ? pod.status?.phase === 'Succeeded' : isBound(pod);
    const isPlaced = stands && deletionTimestamp === undefined;
    if (!waits && !isPlaced) return;
    const members = this.#groups.get(group) ?? { waiting: new Map(), placed: new Set() };
    this.#groups.set(group, members);
    this.#groupOf.set(uid, group);
    if (waits) members.waiting.set(uid, instanceKey(pod));
    else members.placed.add(uid);
  }

  delete({ metadata: { uid = '' } }: Pod): void {
    this.#forget(uid);
  }

  /** Uids of the members that wait for a node. */
  waiting({ key }: Gang): readonly string[] {
    return [...(this.#groups.get(key)?.waiting.keys() ?? [])];
  }

  /** Their keys. */
  waitingKeys({ key }: Gang): readonly string[] {
    return [...(this.#groups.get(key)?.waiting.values() ?? [])];
  }

  /** How many have a node. */
  placed({ key }: Gang): number {
    return this.#groups.get(key)?.placed.size ?? 0;
  }

  /** Whether it is one of those. */
  isPlaced({ key }: Gang, uid: string): boolean {
    return this.#groups.get(key)?.placed.has(uid) ?? false;
  }

  #forget(uid: string): void {
    const group = this.#groupOf.get(uid);
    const members = group === undefined ? undefined : this.#groups.get(group);
    if (group === undefined || members === undefined) return;
    this.#groupOf.delete(uid);
    members.waiting.delete(uid);
    members.placed.delete(uid);
    if (members.waiting.size + members.placed.size === 0) this.#groups.delete(group);
  }
}
