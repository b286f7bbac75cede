/** The status of a pod as upstream's clients expect it. Pure. */
import { formatTime } from '../../api/conditions.ts';
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../api/kinds.gen.ts';
import { networkReady } from '../../api/vm-instance.ts';
import type { PodHealth } from '../hooks/pod-health.ts';
import {
  ephemeralOf,
  isInit,
  isSidecar,
  type PodView,
  reportedStatus,
  type SeenContainer,
  type Waiting,
} from '../pod/pod-view.ts';
import { restarts } from './pod-plan.ts';

export interface StatusInput {
  readonly pod: Pod;
  readonly view: PodView;
  /** Containers that do not run and shall, with what they wait for. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  readonly stopped: boolean;
  /** Why the node has ended it for good. */
  readonly evicted?: string;
  /** What hooks and probes say of containers that run. */
  readonly health?: PodHealth;
  /** Why what its containers share could not be made. */
  readonly sandboxFailure?: { readonly reason: string; readonly message: string };
  /** What plugins of CNI find wrong with its networks. */
  readonly networkTrouble?: string;
  /** Last words of what has ended, by container id. */
  readonly messages?: ReadonlyMap<string, string>;
  readonly hostIp: string;
  readonly nowMs: number;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, hostIp, nowMs, stopped } = input;
  const before = pod.status ?? {};
  const inits = (pod.spec.initContainers ?? []).map((each) => containerStatus(each, input));
  const mains = pod.spec.containers.map((each) => containerStatus(each, input));
  const { evicted } = input;
  const phase = evicted !== undefined ? 'Failed' : stopped ? 'Pending' : phaseOf(pod, inits, mains);
  const ephemerals = (pod.spec.ephemeralContainers ?? []).map((each) => ({
    ...containerStatus(each, input),
    ready: false,
  }));
  const ips = pod.spec.hostNetwork === true ? [hostIp].filter((ip) => ip !== '') : input.view.ips;
  return {
    phase,
    conditions: conditionsOf(input, phase, inits, mains),
    ...courseOf(input),
    ...(evicted === undefined ? {} : { reason: 'Evicted', message: evicted }),
    ...(hostIp === '' ? {} : { hostIP: hostIp, hostIPs: [{ ip: hostIp }] }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: before.startTime ?? formatTime(nowMs),
    ...(inits.length === 0 ? {} : { initContainerStatuses: inits }),
    containerStatuses: mains,
    ...(ephemerals.length === 0 ? {} : { ephemeralContainerStatuses: ephemerals }),
    // The server's to decide, when the pod is created.
    ...(before.qosClass === undefined ? {} : { qosClass: before.qosClass }),
  };
}

/** What is done to it by an annotation. */
function courseOf({ stopped, view }: StatusInput): Pick<PodStatus, 'reason' | 'message'> {
  if (stopped) return { reason: 'Stopped', message: 'stopped by annotation berth.dev/running' };
  const isPaused = [...view.containers.values()].some(
    ({ state }) => state.phase === 'running' && state.paused,
  );
  return isPaused ? { reason: 'Paused', message: 'halted by annotation berth.dev/paused' } : {};
}

function containerStatus(container: Container, input: StatusInput): ContainerStatus {
  const { name, image = '' } = container;
  const seen = input.view.containers.get(name);
  const reported = reportedStatus(input.pod, name);
  const waiting = input.waiting.get(name);
  const hasInit =
    (input.pod.spec.initContainers ?? []).length > 0 && ephemeralOf(input.pod, name) === undefined;
  const health = input.health?.get(name);
  // A container is not seen to run before its `postStart` hook has succeeded.
  const starting = health === 'starting';
  const state = stateOf(starting ? undefined : withMessage(seen, input), waiting, hasInit);
  const lastState = lastStateOf(withMessage(seen, input), waiting);
  const running = state.running !== undefined;
  const { started, ready } = health === undefined || starting ? well : health;
  const ends = isInit(input.pod, name) && !isSidecar(input.pod, name);
  const containerID = seen?.containerId ?? (seen === undefined ? undefined : reported?.containerID);
  return {
    name,
    state,
    lastState: lastState === undefined ? {} : { terminated: lastState },
    ready: ends ? state.terminated?.exitCode === 0 : running && ready,
    restartCount: seen?.attempt ?? reported?.restartCount ?? 0,
    image,
    imageID: seen?.imageId ?? '',
    ...(containerID === undefined ? {} : { containerID }),
    started: running && started,
  };
}

const well = { started: true, ready: true } as const;

/** What ended says its last words. */
function withMessage(seen: SeenContainer | undefined, { messages }: StatusInput) {
  if (seen === undefined || messages === undefined) return seen;
  const { state, containerId = '', previous } = seen;
  const words = messages.get(containerId);
  const before = previous === undefined ? undefined : messages.get(previous.containerId);
  return {
    ...seen,
    ...(state.phase === 'exited' && words !== undefined
      ? { state: { ...state, message: words } }
      : {}),
    ...(previous !== undefined && before !== undefined
      ? { previous: { ...previous, message: before } }
      : {}),
  };
}

function stateOf(
  seen: SeenContainer | undefined,
  waiting: Waiting | undefined,
  hasInit: boolean,
): ContainerState {
  if (seen?.state.phase === 'running') {
    return { running: { startedAt: formatTime(seen.state.startedAtMs) } };
  }
  if (waiting !== undefined) return { waiting };
  const ended = seen === undefined ? undefined : terminated(seen);
  if (ended !== undefined) return { terminated: ended };
  return { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } };
}

/** How the attempt before the current state ended. */
function lastStateOf(seen: SeenContainer | undefined, waiting: Waiting | undefined) {
  if (seen === undefined) return undefined;
  if (waiting !== undefined && seen.state.phase === 'exited') return terminated(seen);
  if (seen.previous === undefined) return undefined;
  const { containerId, ...state } = seen.previous;
  return terminated({ attempt: seen.attempt - 1, state, containerId });
}

function terminated({ state, containerId, reason }: SeenContainer) {
  if (state.phase !== 'exited') return undefined;
  const { exitCode, message, oomKilled } = state;
  return {
    exitCode,
    reason: reason ?? (oomKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error'),
    ...(message === undefined ? {} : { message }),
    startedAt: formatTime(state.startedAtMs),
    finishedAt: formatTime(state.finishedAtMs),
    ...(containerId === undefined ? {} : { containerID: containerId }),
  };
}

/** Source: upstream kubelet, `getPhase`. */
function phaseOf(
  pod: Pod,
  inits: readonly ContainerStatus[],
  mains: readonly ContainerStatus[],
): NonNullable<PodStatus['phase']> {
  for (const { name, state, started } of inits) {
    if (isSidecar(pod, name)) {
      if (started === true || mains.some(hasRun)) continue;
      return 'Pending';
    }
    const code = state?.terminated?.exitCode;
    if (code === 0) continue;
    return code !== undefined && !restarts(pod, true, code) ? 'Failed' : 'Pending';
  }
  if (!mains.every(hasRun)) return 'Pending';
  const final = mains.map((each) => finalExitCode(pod, each));
  if (final.some((code) => code === undefined)) return 'Running';
  return final.every((code) => code === 0) ? 'Succeeded' : 'Failed';
}

function hasRun({ state, lastState }: ContainerStatus): boolean {
  return state?.waiting === undefined || lastState?.terminated !== undefined;
}

/** `undefined` while it runs or will run again. */
function finalExitCode(pod: Pod, { state }: ContainerStatus): number | undefined {
  const code = state?.terminated?.exitCode;
  return code === undefined || restarts(pod, false, code) ? undefined : code;
}

function conditionsOf(
  { pod, stopped, nowMs, sandboxFailure, networkTrouble }: StatusInput,
  phase: PodStatus['phase'],
  inits: readonly ContainerStatus[],
  mains: readonly ContainerStatus[],
): readonly PodCondition[] {
  const isBeside = ({ name }: ContainerStatus) => isSidecar(pod, name);
  const hasBegun = mains.some(hasRun);
  const waitingInits = inits
    .filter((each) => !(isBeside(each) ? each.started || hasBegun : each.ready))
    .map((each) => each.name);
  const unready = [...inits.filter(isBeside), ...mains]
    .filter((each) => !each.ready)
    .map((each) => each.name);
  const ready = (type: string): PodCondition => {
    if (stopped) return { type, status: 'False', reason: 'Stopped' };
    if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
    if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
    if (unready.length === 0) return { type, status: 'True' };
    const message = `containers with unready status: [${unready.join(' ')}]`;
    return { type, status: 'False', reason: 'ContainersNotReady', message };
  };
  const initialized: PodCondition =
    waitingInits.length === 0
      ? { type: 'Initialized', status: 'True' }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${waitingInits.join(' ')}]`,
        };
  const old = pod.status?.conditions ?? [];
  const sandbox = sandboxCondition(old, sandboxFailure);
  const network = networkCondition(old, networkTrouble);
  const ours = [...sandbox, ...network, initialized, ready('Ready'), ready('ContainersReady')];
  const others = old.filter(({ type }) => !ours.some((each) => each.type === type));
  const dated = ours.map((condition) => {
    const known = old.find(({ type }) => type === condition.type);
    const since = known?.status === condition.status ? known.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? formatTime(nowMs) };
  });
  return [...others, ...dated];
}

/** Only of pods where it failed: it says nothing of the others. */
function sandboxCondition(
  old: readonly PodCondition[],
  failure: StatusInput['sandboxFailure'],
): readonly PodCondition[] {
  const type = 'PodReadyToStartContainers';
  if (failure !== undefined) {
    const { reason, message } = failure;
    return [{ type, status: 'False', reason, message }];
  }
  return old.some((each) => each.type === type) ? [{ type, status: 'True' }] : [];
}

/** As the one above. */
function networkCondition(
  old: readonly PodCondition[],
  message: string | undefined,
): readonly PodCondition[] {
  const type = networkReady;
  if (message !== undefined) return [{ type, status: 'False', reason: 'CheckFailed', message }];
  return old.some((each) => each.type === type) ? [{ type, status: 'True' }] : [];
}
