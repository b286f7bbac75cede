/**
 * A VM as the instance that it is: scheduler and agent treat whatever can be bound alike, and pods are
 * their word for it. The result is never stored; its kind stays `VM`, so that events and writes reach
 * the object itself.
 */
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodStatus,
  PodVolume,
  VM,
  VMStatus,
} from './kinds.gen.ts';
import { parseMilli } from './quantity.ts';
import type { MachineState } from './vm-states.ts';

/** Its one container, which stands for the guest. */
export const guestContainer = 'vm';

const defaultGraceSeconds = 60;

/** What `podOfVm` makes. */
export type VmInstance = Pod & { readonly vm: VM };

/** What is known of a machine and has no place in the status of a pod. */
export interface MachineFacts {
  readonly state: MachineState;
  /** What went wrong with it, or could not be done to it. */
  readonly trouble?: string;
  /** Told by the agent in the guest; those known before come first. */
  readonly addresses?: readonly string[];
  /** Of `machineConditionTypes`; those that are missing are taken away. */
  readonly conditions?: NonNullable<VMStatus['conditions']>;
}

/** Conditions that only machines have. */
export const machineConditionTypes: readonly string[] = [
  'RestartRequired',
  'Synchronized',
  'AgentConnected',
];

/** What `vmStatusOf` reads. */
export type InstancePodStatus = PodStatus & {
  readonly machine?: MachineFacts;
  /** Of a pod: what its annotation says of its networks. */
  readonly networkStatus?: string;
};

/** Source: Network Plumbing Working Group. */
export const networkStatusAnnotation = 'k8s.v1.cni.cncf.io/network-status';
/** The condition that says whether plugins of CNI find the networks as they made them. */
export const networkReady = 'NetworkReady';

export function isVm(pod: Pod): pod is VmInstance {
  return 'vm' in pod;
}

export function podOfVm(vm: VM): VmInstance {
  const { metadata, spec, status } = vm;
  const { running = true, nodeName, allocation, nodeSelector, tolerations } = spec;
  const { affinity, topologySpreadConstraints } = spec;
  const { priority, preemptionPolicy } = spec;
  const annotations = {
    ...metadata.annotations,
    'berth.dev/running': String(running),
    ...(spec.cpu?.binding === 'Bound' ? { 'berth.dev/cpu-binding': 'Bound' } : {}),
    ...(allocation === undefined ? {} : { 'berth.dev/allocation': JSON.stringify(allocation) }),
  };
  const volumes = claimedBy(vm);
  const pod: Omit<Pod, 'kind' | 'apiVersion'> = {
    metadata: { ...metadata, annotations },
    spec: {
      runtimeClassName: 'libvirt',
      restartPolicy: spec.restartPolicy ?? 'Always',
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
      containers: [{ name: guestContainer, resources: spec.resources, ...probesOf(vm) }],
      ...(volumes.length === 0 ? {} : { volumes }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
      ...(tolerations === undefined ? {} : { tolerations }),
      ...(affinity === undefined ? {} : { affinity }),
      ...(topologySpreadConstraints === undefined ? {} : { topologySpreadConstraints }),
      ...(priority === undefined ? {} : { priority }),
      ...(preemptionPolicy === undefined ? {} : { preemptionPolicy }),
    },
    ...(status === undefined ? {} : { status: podStatusOf(status) }),
  };
  // Everything that a pod has but its kind.
  return { apiVersion: vm.apiVersion, kind: vm.kind, ...pod, vm } as unknown as VmInstance;
}

function probesOf({
  spec,
}: VM): Pick<Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  const { startupProbe, readinessProbe, livenessProbe } = spec;
  return {
    ...(startupProbe === undefined ? {} : { startupProbe }),
    ...(readinessProbe === undefined ? {} : { readinessProbe }),
    ...(livenessProbe === undefined ? {} : { livenessProbe }),
  };
}

/** Its disks that are Volumes, as a pod claims them. */
function claimedBy({ spec }: VM): readonly PodVolume[] {
  return (spec.disks ?? []).flatMap(({ name, volume, readOnly }) => {
    if (volume === undefined) return [];
    const claim = { claimName: volume, ...(readOnly === undefined ? {} : { readOnly }) };
    return { name, persistentVolumeClaim: claim };
  });
}

/** CPUs that the guest sees. */
export function cpusOf({ spec }: VM): number {
  const { requests, limits } = spec.resources;
  const cpu = requests?.['cpu'] ?? limits?.['cpu'] ?? '1';
  return Math.max(1, Number((parseMilli(cpu) + 999n) / 1_000n));
}

/** What an agent writes about a pod, as the status of a VM. */
export function vmStatusOf(
  status: InstancePodStatus,
  { metadata }: Pick<VM, 'metadata'>,
): VMStatus {
  const [guest] = status.containerStatuses ?? [];
  const { phase, reason, message } = phaseOf(status, guest, metadata);
  const known = (status.podIPs ?? []).flatMap(({ ip }) => ip ?? []);
  const addresses = [...new Set([...known, ...(status.machine?.addresses ?? [])])];
  const { generation } = metadata;
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(status.hostIP === undefined ? {} : { hostIP: status.hostIP }),
    ...(status.startTime === undefined ? {} : { startTime: status.startTime }),
    ...(guest?.containerID === undefined ? {} : { domain: guest.containerID }),
    ...(guest === undefined ? {} : { restarts: guest.restartCount }),
    // States are plain JSON; the schema keeps them as they are.
    ...(guest?.state === undefined ? {} : { state: { ...guest.state } }),
    ...(guest?.lastState === undefined ? {} : { lastState: { ...guest.lastState } }),
    conditions: [...conditionsOf(status, phase), ...(status.machine?.conditions ?? [])],
  };
}

function phaseOf(
  status: InstancePodStatus,
  guest: ContainerStatus | undefined,
  metadata: VM['metadata'],
): Pick<VMStatus, 'phase' | 'reason' | 'message'> {
  const running = guest?.state?.running !== undefined;
  const { state, trouble } = status.machine ?? {};
  const troubled = trouble === undefined ? {} : { reason: 'Trouble', message: trouble };
  if (metadata.deletionTimestamp !== undefined || status.reason === 'Stopped') {
    const ended = state === 'saved' ? 'Saved' : 'Stopped';
    return { phase: running ? 'Stopping' : ended, ...troubled };
  }
  if (status.phase === 'Failed' || status.phase === 'Succeeded') return { ...why(status) };
  if (running) return { phase: phaseOfState[state ?? ''] ?? 'Running', ...troubled };
  const waiting = guest?.state?.waiting;
  const phase = waiting?.reason === 'ContainerCreating' ? 'Starting' : 'Pending';
  return {
    phase,
    ...(waiting?.reason === undefined ? {} : { reason: waiting.reason }),
    // Why the start before failed says more than that the next one waits.
    ...told(guest?.lastState?.terminated?.message ?? waiting?.message),
  };
}

function told(message: string | undefined): Pick<VMStatus, 'message'> {
  return message === undefined ? {} : { message };
}

/** Of a guest that is there and does nothing. */
const phaseOfState: Readonly<Record<string, string>> = { paused: 'Paused', sleeping: 'Sleeping' };

function why({
  phase,
  reason,
  message,
}: PodStatus): Pick<VMStatus, 'phase' | 'reason' | 'message'> {
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** Those that say something of a machine. */
const kept = new Set([
  'Ready',
  'PodScheduled',
  'PodReadyToStartContainers',
  'DisruptionTarget',
  networkReady,
]);

function conditionsOf(
  { conditions }: PodStatus,
  phase: string | undefined,
): NonNullable<VMStatus['conditions']> {
  const idle = phase !== undefined && phaseIsIdle(phase) ? phase : undefined;
  return (conditions ?? [])
    .filter(({ type }) => kept.has(type))
    .map((condition) => ({
      type: condition.type,
      status: condition.status,
      lastTransitionTime: condition.lastTransitionTime ?? '',
      // Required of conditions in general, and not of those of pods.
      reason: condition.reason ?? condition.type,
      message: condition.message ?? '',
      ...(condition.type === 'Ready' && idle !== undefined
        ? { reason: idle, message: `the guest is ${idle.toLowerCase()}` }
        : {}),
    }));
}

function phaseIsIdle(phase: string | undefined): boolean {
  return Object.values(phaseOfState).some((each) => each === phase);
}

/** What the agent has to know of what it wrote before. */
function podStatusOf(status: VMStatus): PodStatus {
  const { phase, reason, message, hostIP, startTime, domain, restarts, conditions } = status;
  const ended = phase === 'Failed' || phase === 'Succeeded';
  const stopped = phase === 'Stopped' || phase === 'Stopping' || phase === 'Saved';
  const runs = phase === 'Running' || phaseIsIdle(phase);
  const wasReady =
    conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
  const guest: ContainerStatus = {
    name: guestContainer,
    image: '',
    imageID: '',
    ready: wasReady,
    started: wasReady,
    restartCount: restarts ?? 0,
    ...(domain === undefined ? {} : { containerID: domain }),
    // Written by `vmStatusOf`.
    ...(status.state === undefined ? {} : { state: status.state as ContainerState }),
    ...(status.lastState === undefined ? {} : { lastState: status.lastState as ContainerState }),
  };
  return {
    phase: ended ? phase : runs ? 'Running' : 'Pending',
    ...(stopped ? { reason: 'Stopped' } : reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(hostIP === undefined ? {} : { hostIP }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(domain === undefined && restarts === undefined ? {} : { containerStatuses: [guest] }),
    ...(conditions === undefined ? {} : { conditions }),
    ...(status.nominatedNodeName === undefined
      ? {}
      : { nominatedNodeName: status.nominatedNodeName }),
  };
}
