/** Which pods of a Job are made and which are ended now. Pure. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { deletionOrder } from '../workload/deletion-order.ts';
import { type PodName, passMax } from '../workload/plan.ts';
import { endOf, indexOf, isRemoved, isTracked, jobPodName } from './job-pod.ts';
import type { JobSpec } from './spec.ts';
import type { Tally } from './tally.ts';

export interface JobSituation {
  readonly workload: Workload;
  readonly spec: JobSpec;
  readonly tally: Tally;
  /** All that belong to the Job. */
  readonly pods: readonly Pod[];
  /** The Job has failed, or is suspended: nothing may run. */
  readonly halted: boolean;
  /** A failure was too short ago. */
  readonly resting: boolean;
  /** Whether any pod has that name. */
  isTaken(name: string): boolean;
}

export interface JobPlan {
  readonly create: readonly PodName[];
  /** To be ended without being counted. */
  readonly remove: readonly Pod[];
}

export function planJob(situation: JobSituation): JobPlan {
  const { spec, tally, pods, halted, resting } = situation;
  const active = activePods(pods, spec);
  // One that lost its finalizer by somebody's hand could not be counted.
  const kept = active.filter((pod) => isTracked(pod) && !isRemoved(pod));
  const lost = active.filter((pod) => !kept.includes(pod));
  const left = Math.max(spec.completions - tally.succeeded, 0);
  const wanted = halted ? 0 : Math.min(spec.parallelism, left);
  const wrong = kept.filter((pod) => isDone(pod, situation));
  const useful = kept.filter((pod) => !wrong.includes(pod));
  const surplus = deletionOrder(useful).slice(0, Math.max(useful.length - wanted, 0));
  const going = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined;
  const remove = [...lost, ...wrong, ...surplus].filter((pod) => !going(pod));
  // Those on their way out keep their place until they are gone.
  const missing = resting || halted ? 0 : Math.min(Math.max(wanted - active.length, 0), passMax);
  return { create: spec.indexed ? indexed(situation, missing) : alike(situation, missing), remove };
}

/** May still run. */
export function activePods(pods: readonly Pod[], { indexed: numbered }: JobSpec): readonly Pod[] {
  return pods.filter((pod) => endOf(pod, numbered) === undefined);
}

/** Runs a number that has succeeded already, or that nobody asked for. */
function isDone(pod: Pod, { spec, tally }: JobSituation): boolean {
  if (!spec.indexed) return false;
  const index = indexOf(pod);
  return index === undefined || index >= spec.completions || tally.indexes.has(index);
}

function alike({ workload, isTaken }: JobSituation, missing: number): readonly PodName[] {
  const names: PodName[] = [];
  for (let slot = 0; names.length < missing; slot += 1) {
    const name = jobPodName(workload, slot);
    if (!isTaken(name)) names.push({ name });
  }
  return names;
}

/** The lowest numbers that neither run nor have succeeded. */
function indexed(situation: JobSituation, missing: number): readonly PodName[] {
  const { workload, spec, tally, pods, isTaken } = situation;
  const busy = new Set(activePods(pods, spec).map(indexOf));
  const names: PodName[] = [];
  for (let ordinal = 0; ordinal < spec.completions && names.length < missing; ordinal += 1) {
    if (busy.has(ordinal) || tally.indexes.has(ordinal)) continue;
    let slot = 0;
    while (isTaken(jobPodName(workload, slot, ordinal))) slot += 1;
    names.push({ name: jobPodName(workload, slot, ordinal), ordinal });
  }
  return names;
}
