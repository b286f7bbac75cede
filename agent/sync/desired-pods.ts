/** Which pods this node shall run: from the API once it has answered, from the checkpoint until then. */
import type { Pod } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { InformerEvent } from '../../client/informer.ts';

export type Desired =
  | { readonly type: 'pod'; readonly pod: Pod }
  /** The API does not know it any more. */
  | { readonly type: 'gone' }
  /** Nobody can tell yet: leave it alone. */
  | { readonly type: 'unknown' };

export interface DesiredChange {
  readonly uid: string;
  /** What is being done for the pod right now is no longer wanted. */
  readonly urgent: boolean;
}

/** Lists of the API that together name every instance of a node. */
const sources = ['pods', 'vms'] as const;
export type InstanceSource = (typeof sources)[number];

export class DesiredPods {
  readonly #byUid = new Map<string, Pod>();
  /** Between `init` and `initDone`: what the new list has named so far. */
  readonly #listing = new Map<InstanceSource, Set<string>>();
  readonly #answered = new Set<InstanceSource>();

  /** Whether the API has answered; until then nothing may be removed. */
  get live(): boolean {
    return sources.every((source) => this.#answered.has(source));
  }

  list(): readonly Pod[] {
    return [...this.#byUid.values()];
  }

  get(uid: string): Desired {
    const pod = this.#byUid.get(uid);
    if (pod !== undefined) return { type: 'pod', pod };
    return { type: this.live ? 'gone' : 'unknown' };
  }

  /** Takes the pods of the checkpoint, unless the API has answered already. */
  assume(pods: readonly Pod[]): readonly DesiredChange[] {
    if (this.live) return [];
    return pods.flatMap((pod) => this.#set(pod));
  }

  /** What this node has just written, so that it does not act on what it knows to be old. */
  wrote(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const known = this.#byUid.get(uid);
    if (known !== undefined && isNewer(pod, known)) this.#byUid.set(uid, pod);
  }

  apply(source: InstanceSource, event: InformerEvent<Pod>): readonly DesiredChange[] {
    switch (event.type) {
      case 'init':
        this.#listing.set(source, new Set());
        return [];
      case 'initApply':
        this.#listing.get(source)?.add(event.object.metadata.uid ?? '');
        return this.#set(event.object);
      case 'initDone': {
        const listed = this.#listing.get(source) ?? new Set();
        this.#listing.delete(source);
        this.#answered.add(source);
        return [...this.#byUid]
          .filter(([uid, pod]) => sourceOf(pod) === source && !listed.has(uid))
          .flatMap(([uid]) => this.#delete(uid));
      }
      case 'apply':
        return this.#set(event.object);
      case 'delete':
        return this.#delete(event.object.metadata.uid ?? '');
    }
  }

  #set(pod: Pod): readonly DesiredChange[] {
    const uid = pod.metadata.uid ?? '';
    const known = this.#byUid.get(uid);
    if (known !== undefined && !isNewer(pod, known)) return [];
    this.#byUid.set(uid, pod);
    return [{ uid, urgent: known !== undefined && changesCourse(known, pod) }];
  }

  #delete(uid: string): readonly DesiredChange[] {
    return this.#byUid.delete(uid) ? [{ uid, urgent: true }] : [];
  }
}

function sourceOf(pod: Pod): InstanceSource {
  return isVm(pod) ? 'vms' : 'pods';
}

/** Whether the pod is to end, to end sooner, or to be stopped, started, halted or resumed. */
function changesCourse(before: Pod, after: Pod): boolean {
  const course = ({ metadata }: Pod) => [
    metadata.deletionTimestamp,
    metadata.deletionGracePeriodSeconds,
    metadata.annotations?.['berth.dev/running'],
    metadata.annotations?.['berth.dev/paused'],
  ];
  return JSON.stringify(course(before)) !== JSON.stringify(course(after));
}

function isNewer(pod: Pod, known: Pod): boolean {
  const [a, b] = [pod.metadata.resourceVersion ?? '', known.metadata.resourceVersion ?? ''];
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return a !== b;
  return BigInt(a) > BigInt(b);
}
