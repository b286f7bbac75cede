/** What is to be done about the pods of a workload; pure, from one look at them. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { Desired } from './desired.ts';
import { isProven } from './pod-state.ts';

/** Pods created or deleted in one pass; the rest follows in the next, and is not even named before. */
export const passMax = 500;

export interface Plan {
  /** At most `passMax` of each template. */
  readonly create: readonly PodName[];
  /** In this order. */
  readonly remove: readonly Pod[];
}

export interface PodName {
  readonly name: string;
  /** Only of Stable instances. */
  readonly ordinal?: number;
  /** Of which template; absent = the one that is rolled out. */
  readonly hash?: string;
}

/** What a plan is made from. */
export interface Situation {
  readonly desired: Desired;
  /** Hash of the template that is rolled out. */
  readonly hash: string;
  /**
   * Hash of the one that was rolled out completely last, if it is another: what is lost while the
   * rollout is held, or has as many unavailable new instances as it may, is made of this.
   */
  readonly fallback?: string;
  /** All that belong to the workload, also those on their way out. */
  readonly pods: readonly Pod[];
  /** Pods that ended and whose replacement must wait a little longer. */
  readonly resting: ReadonlySet<string>;
  readonly nowMs: number;
  /** The name of the instance in a slot, or of an ordinal. */
  nameOf(slot: number, hash: string): string;
  /** Whether any pod has that name, also one of somebody else. */
  isTaken(name: string): boolean;
}

export const workloadLabel = 'berth.dev/workload';
export const templateHashLabel = 'berth.dev/template-hash';
export const ordinalLabel = 'berth.dev/ordinal';

export function isCurrent({ metadata }: Pod, hash: string): boolean {
  return metadata.labels?.[templateHashLabel] === hash;
}

/** Those of the new template that the rollout may count on. */
export function provenOf(pods: readonly Pod[], { desired, nowMs }: Situation): readonly Pod[] {
  return pods.filter((pod) => isProven(pod, desired.minReadySeconds, nowMs));
}

/** Whether instances of other templates are being replaced. */
export function isUpdating({ desired }: Situation): boolean {
  return desired.running && !desired.paused;
}
