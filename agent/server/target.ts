/** What a request to the node is about. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** A pod, or a VM seen as one, and who runs it. */
export interface LocatedPod {
  readonly pod: Pod;
  readonly runtime: Runtime;
  readonly id: string;
}

/** One container that a request is about. */
export interface Target extends LocatedPod {
  readonly container: string;
}

/** `undefined` when no such pod, or VM, is on this node. */
export type Locate = (
  resource: 'pods' | 'vms',
  namespace: string,
  name: string,
) => LocatedPod | undefined;
