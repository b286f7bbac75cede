/** What is to be done about the pods of a workload; pure, from one look at them. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { Desired } from './desired.ts';
import { isAvailable } from './pod-state.ts';

export interface Plan {
  readonly create: readonly PodName[];
  /** In this order. */
  readonly remove: readonly Pod[];
}

export interface PodName {
  readonly name: string;
  /** Only of Stable instances. */
  readonly ordinal?: number;
}

/** What a plan is made from. */
export interface Situation {
  readonly desired: Desired;
  /** Hash of the present template. */
  readonly hash: string;
  /** All that belong to the workload, also those on their way out. */
  readonly pods: readonly Pod[];
  /** Pods that ended and whose replacement must wait a little longer. */
  readonly resting: ReadonlySet<string>;
  readonly nowMs: number;
  /** The name of the instance in a slot, or of an ordinal. */
  nameOf(slot: number): string;
  /** Whether any pod has that name, also one of somebody else. */
  isTaken(name: string): boolean;
}

export const workloadLabel = 'berth.dev/workload';
export const templateHashLabel = 'berth.dev/template-hash';
export const ordinalLabel = 'berth.dev/ordinal';

export function isCurrent({ metadata }: Pod, hash: string): boolean {
  return metadata.labels?.[templateHashLabel] === hash;
}

export function countAvailable(pods: readonly Pod[], { desired, nowMs }: Situation): number {
  return pods.filter((pod) => isAvailable(pod, desired.minReadySeconds, nowMs)).length;
}
