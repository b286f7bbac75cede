/** The pods of a Job: how they are made and what they say. */
import { findCondition } from '../../api/conditions.ts';
import type { Container, Pod, Workload } from '../../api/kinds.gen.ts';
import { contentHash, contentOf } from '../workload/content.ts';
import type { PodName } from '../workload/plan.ts';
import { baseName, isHostName, podObject } from '../workload/pod-object.ts';
import { safeHash } from '../workload/template-hash.ts';

/** Keeps a pod of a Job until its end is counted. */
export const trackingFinalizer = 'berth.dev/job-tracking';

/** On a pod that the controller itself ends: if it fails, that is nobody's failure. */
export const removedAnnotation = 'berth.dev/job-removed';

/** Upstream's: the number of the run. */
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const indexVariable = 'JOB_COMPLETION_INDEX';

const suffixLength = 5;

/** The `slot`th possible name, of the runs of `index` where runs are numbered. */
export function jobPodName(workload: Workload, slot: number, index?: number): string {
  const { name = '', uid = '' } = workload.metadata;
  const part = index === undefined ? '' : `/${index}`;
  const suffix = safeHash(`${uid}${part}/${slot}`, suffixLength);
  return `${baseName(name)}${index === undefined ? '' : `-${index}`}-${suffix}`;
}

export function jobPod(workload: Workload, podName: PodName): Pod {
  const pod = podObject(workload, contentHash(contentOf(workload)), podName);
  const metadata = { ...pod.metadata, finalizers: [trackingFinalizer] };
  const { ordinal } = podName;
  if (ordinal === undefined) return { ...pod, metadata };
  const hostname = `${baseName(workload.metadata.name ?? '')}-${ordinal}`;
  const { initContainers } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [indexAnnotation]: String(ordinal) },
    },
    spec: {
      ...pod.spec,
      // The number, not the attempt, is what a run is known by.
      ...(workload.spec.template.spec.hostname === undefined && isHostName(hostname)
        ? { hostname }
        : {}),
      containers: pod.spec.containers.map((each) => withIndex(each, ordinal)),
      ...(initContainers === undefined
        ? {}
        : { initContainers: initContainers.map((each) => withIndex(each, ordinal)) }),
    },
  };
}

function withIndex(container: Container, index: number): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === indexVariable)) return container;
  return { ...container, env: [...env, { name: indexVariable, value: String(index) }] };
}

export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexAnnotation];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Whether its end is still to be counted, or to be marked as counted. */
export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

export function isRemoved({ metadata }: Pod): boolean {
  return metadata.annotations?.[removedAnnotation] !== undefined;
}

export type End = 'succeeded' | 'failed';

/** How the pod ended; `undefined` while it runs or may still run. */
export function endOf(pod: Pod, indexed: boolean): End | undefined {
  const { metadata, status } = pod;
  if (status?.phase === 'Succeeded') return 'succeeded';
  if (status?.phase === 'Failed') return 'failed';
  if (metadata.deletionTimestamp === undefined) return undefined;
  // Nobody waits for it any more: only our finalizer holds it. Absent = the server has not said.
  if (metadata.deletionGracePeriodSeconds === 0) return 'failed';
  // Evicted from a machine that may be silent: a second run is allowed, unless it has a number.
  const evicted = findCondition(status?.conditions, 'DisruptionTarget')?.status === 'True';
  return evicted && !indexed ? 'failed' : undefined;
}

/** When the pod ended, as far as anybody knows. */
export function endedAtMs({ metadata, status }: Pod): number {
  const times = (status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ''),
  );
  const known = times.filter((ms) => !Number.isNaN(ms));
  if (known.length > 0) return Math.max(...known);
  return Date.parse(metadata.deletionTimestamp ?? metadata.creationTimestamp ?? '') || 0;
}
