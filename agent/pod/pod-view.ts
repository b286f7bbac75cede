/** What is known about a pod's containers: the runtime's word, completed by memory and the API. */
import type {
  ContainerStatus as ApiContainerStatus,
  Container,
  EphemeralContainer,
  Pod,
} from '../../api/kinds.gen.ts';
import type { ContainerState, ContainerStatus, InstanceStatus } from '../../runtime/runtime.ts';
import type { PodMemory } from './pod-memory.ts';

/** The newest attempt of one container. */
export interface SeenContainer {
  readonly attempt: number;
  readonly state: ContainerState;
  /** Replaces the reason that follows from the exit code. */
  readonly reason?: string;
  readonly containerId?: string;
  readonly imageId?: string;
  readonly previous?: ContainerStatus['previous'];
}

/** Why a container does not run yet. */
export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

export interface PodView {
  readonly ips: readonly string[];
  readonly containers: ReadonlyMap<string, SeenContainer>;
}

/** All containers in the order in which they start. */
export function containersOf(pod: Pod): readonly Container[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  return [...initContainers, ...containers, ...ephemeralContainers];
}

/** What was added to look into the running pod: never restarted, and nothing waits for it. */
export function ephemeralOf(pod: Pod, name: string): EphemeralContainer | undefined {
  return pod.spec.ephemeralContainers?.find((each) => each.name === name);
}

export function isInit(pod: Pod, name: string): boolean {
  return (pod.spec.initContainers ?? []).some((each) => each.name === name);
}

/** An init container that stays beside those that come after it, and is always restarted. */
export function isSidecar(pod: Pod, name: string): boolean {
  return (pod.spec.initContainers ?? []).some(
    (each) => each.name === name && each.restartPolicy === 'Always',
  );
}

/** The API's last word on a container. */
export function reportedStatus(pod: Pod, name: string): ApiContainerStatus | undefined {
  const {
    initContainerStatuses = [],
    containerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find((each) => each.name === name);
}

export function viewPod(pod: Pod, status: InstanceStatus | undefined, memory: PodMemory): PodView {
  const containers = new Map<string, SeenContainer>();
  for (const { name } of containersOf(pod)) {
    const real = status?.containers.find((each) => each.name === name);
    const seen = withStartFailure(real, memory, name) ?? lost(pod, name);
    if (seen !== undefined) containers.set(name, seen);
  }
  return { ips: status?.ips ?? [], containers };
}

function withStartFailure(
  real: ContainerStatus | undefined,
  memory: PodMemory,
  name: string,
): SeenContainer | undefined {
  const failure = memory.of(name).startFailure;
  if (failure === undefined || (real !== undefined && real.attempt >= failure.attempt)) return real;
  const previous =
    real?.state.phase === 'exited' ? { ...real.state, containerId: real.containerId } : undefined;
  return {
    ...failure,
    reason: 'ContainerCannotRun',
    ...(previous === undefined ? {} : { previous }),
  };
}

/** The runtime has nothing: what the API knows of a container that ran must not run twice. */
function lost(pod: Pod, name: string): SeenContainer | undefined {
  const reported = reportedStatus(pod, name);
  if (reported?.containerID === undefined) return undefined;
  const ended = reported.state?.terminated;
  const policy = isSidecar(pod, name) ? 'Always' : pod.spec.restartPolicy;
  const again = policy !== 'Never' && ephemeralOf(pod, name) === undefined;
  if (ended === undefined && again) return undefined;
  const startedAtMs = Date.parse(ended?.startedAt ?? '') || 0;
  return {
    attempt: reported.restartCount,
    state: {
      phase: 'exited',
      exitCode: ended?.exitCode ?? 137,
      oomKilled: false,
      startedAtMs,
      finishedAtMs: Date.parse(ended?.finishedAt ?? '') || startedAtMs,
      ...(ended === undefined ? { message: 'The container could not be located' } : {}),
      ...(ended?.message === undefined ? {} : { message: ended.message }),
    },
    reason: ended?.reason ?? 'ContainerStatusUnknown',
    containerId: reported.containerID,
    imageId: reported.imageID,
  };
}
