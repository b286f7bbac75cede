/** Whether this machine has the GPUs that a pod was given, and nobody else has its devices already. Pure. */
import type { Node, Pod } from '../../api/kinds.gen.ts';
import { ConfigError } from '../pod/config-error.ts';
import { allocationOf } from './allocation.ts';

export interface NodeDevices {
  /** The GPUs by their numbers; undefined for one that is not there. */
  readonly gpus: readonly unknown[];
  /** How many times each core is sold; undefined while the Node has not been read. */
  readonly oversell: number | undefined;
  /** Uids of pods that have passed in this life of the agent, kept by this function. */
  readonly passed?: Set<string>;
}

const piecesPerCore = 100;
const wholeGpu = 1_000;
const remedy = 'delete the pod to have it placed again';

/**
 * Throws `ConfigError`. `pods` are all of this node; of two that were given the same the one that was here first
 * keeps it.
 */
export function checkAllocation(pod: Pod, pods: readonly Pod[], devices: NodeDevices): void {
  const { passed = new Set() } = devices;
  const there = new Set(pods.map(uidOf));
  for (const uid of passed) if (!there.has(uid)) passed.delete(uid);
  refuseTaken(pod, pods, devices, passed);
  passed.add(uidOf(pod));
}

function refuseTaken(
  pod: Pod,
  pods: readonly Pod[],
  devices: NodeDevices,
  passed: ReadonlySet<string>,
): void {
  const { cores, gpus, gpuMilli } = allocationOf(pod);
  const unknown = gpus.filter((gpu) => devices.gpus[gpu] === undefined);
  if (unknown.length > 0) {
    const there = devices.gpus.flatMap((gpu, number) => (gpu === undefined ? [] : number));
    const has = there.length === 0 ? 'none' : `only ${there.join(', ')}`;
    throw new ConfigError(
      `was given GPU ${unknown.join(', ')}, but this node has ${has}: ${remedy}`,
    );
  }
  if (cores.size + gpus.length === 0) return;
  const ageOf = (each: Pod) => `${hasBegun(each, passed) ? 'a' : 'b'} ${textOfAge(each)}`;
  const isBefore = (other: Pod) => uidOf(other) !== uidOf(pod) && ageOf(other) < ageOf(pod);
  const earlier = pods.filter((other) => holds(other) && isBefore(other)).map(allocationOf);
  const most = Math.floor(piecesPerCore * (devices.oversell ?? Number.POSITIVE_INFINITY));
  for (const [core, pieces] of cores) {
    const taken = earlier.reduce((sum, other) => sum + (other.cores.get(core) ?? 0), 0);
    if (taken + pieces <= most) continue;
    const shares = `${taken + pieces} % of core ${core} are given away`;
    throw new ConfigError(`${shares}, ${taken} % of it to pods before this one: ${remedy}`);
  }
  for (const gpu of gpus) {
    const taken = earlier.reduce(
      (sum, other) => sum + (other.gpus.includes(gpu) ? other.gpuMilli : 0),
      0,
    );
    if (taken + gpuMilli <= wholeGpu) continue;
    const shares = `${(taken + gpuMilli) / 10} % of GPU ${gpu} are given away`;
    throw new ConfigError(`${shares}, ${taken / 10} % of it to pods before this one: ${remedy}`);
  }
}

/** What people have set on the Node; once unless a number from 1 to 100 stands there, as for the scheduler. */
export function oversellOf({ metadata }: Node): number {
  const text = metadata.annotations?.['berth.dev/cpu-oversell'] ?? '';
  const times = text.trim() === '' ? Number.NaN : Number(text);
  return times >= 1 && times <= 100 ? times : 1;
}

/** What has ended holds nothing. */
function holds({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** It may have its devices by now: whoever comes in the same second has not. */
function hasBegun(pod: Pod, passed: ReadonlySet<string>): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const began = [...initContainerStatuses, ...containerStatuses].some(
    ({ containerID }) => containerID !== undefined,
  );
  return began || passed.has(uidOf(pod));
}

/** Compared as text: who has been taken over by the node first, then who was made first. */
function textOfAge({ metadata, status }: Pod): string {
  const { creationTimestamp = '', uid = '' } = metadata;
  return `${status?.startTime ?? 'not yet'} ${creationTimestamp} ${uid}`;
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? '';
}
