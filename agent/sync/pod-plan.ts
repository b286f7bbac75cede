/** What must happen to each container of a pod now. Pure. */
import type { Container, EphemeralContainer, Pod } from '../../api/kinds.gen.ts';
import { backoffFirstMs, backoffMaxMs, backoffResetMs, type PodMemory } from '../pod/pod-memory.ts';
import {
  containersOf,
  ephemeralOf,
  isInit,
  isSidecar,
  type PodView,
  reportedStatus,
  type SeenContainer,
} from '../pod/pod-view.ts';

type ContainerStep =
  /** It is there and stays as it is. */
  | { readonly type: 'keep'; readonly attempt: number }
  | { readonly type: 'start'; readonly attempt: number }
  /** It ended and starts again, but not before `untilMs`. */
  | {
      readonly type: 'backOff';
      readonly attempt: number;
      readonly untilMs: number;
      readonly delayMs: number;
    }
  /** An init container before it has not succeeded, or a sidecar has not started, yet. */
  | { readonly type: 'hold' };

export interface PlannedContainer {
  readonly container: Container;
  readonly step: ContainerStep;
}

export interface PlanInput {
  readonly pod: Pod;
  readonly view: PodView;
  readonly memory: PodMemory;
  readonly nowMs: number;
  /** Whether what runs under that name has started, as its hook and its startup probe see it. */
  readonly hasStarted?: (name: string) => boolean;
}

/** How far apart the engine's clock and ours may be. */
const clockSlackMs = 1_000;

export function planPod(input: PlanInput): readonly PlannedContainer[] {
  let held = false;
  return containersOf(input.pod).map((container) => {
    const { name } = container;
    const seen = input.view.containers.get(name);
    const init = isInit(input.pod, name);
    const ephemeral = ephemeralOf(input.pod, name);
    if (ephemeral !== undefined) return { container, step: besideStep(ephemeral, seen, input) };
    if (held) {
      // What is there already is named too: what a specification leaves out is removed.
      const step: ContainerStep =
        seen === undefined ? { type: 'hold' } : { type: 'keep', attempt: seen.attempt };
      return { container, step };
    }
    const sidecar = isSidecar(input.pod, name);
    const isOver = sidecar ? haveMainsEnded(input.pod, input.view) : anyMainStarted(input);
    const step = init && isOver ? keep(seen) : stepOf(container, seen, input);
    const isThrough = sidecar ? runs(seen) && (input.hasStarted?.(name) ?? true) : succeeded(seen);
    if (init && !isThrough && !anyMainStarted(input)) held = true;
    return { container, step };
  });
}

/** It joins what runs: its target where it names one, else anything. */
function besideStep(
  { targetContainerName }: EphemeralContainer,
  seen: SeenContainer | undefined,
  { view }: PlanInput,
): ContainerStep {
  if (seen !== undefined && seen.state.phase !== 'created') {
    return { type: 'keep', attempt: seen.attempt };
  }
  const runs = [...view.containers].some(
    ([name, { state }]) =>
      state.phase === 'running' &&
      (targetContainerName === undefined ||
        targetContainerName === '' ||
        name === targetContainerName),
  );
  return runs ? { type: 'start', attempt: 0 } : { type: 'hold' };
}

function stepOf(
  container: Container,
  seen: SeenContainer | undefined,
  input: PlanInput,
): ContainerStep {
  const { name } = container;
  const { pod, memory, nowMs } = input;
  if (seen === undefined) {
    const { restartCount = 0, state: reported } = reportedStatus(pod, name) ?? {};
    // What ran and is gone without a trace, as units are after a reboot, has been started once.
    return { type: 'start', attempt: restartCount + (reported?.running === undefined ? 0 : 1) };
  }
  const { attempt, state } = seen;
  if (state.phase === 'created') return { type: 'start', attempt };
  if (state.phase === 'running') return { type: 'keep', attempt };
  const init = isInit(pod, name);
  const resumed = memory.of(name).resumed === true;
  if (resumed && !(init && !isSidecar(pod, name) && succeeded(seen)))
    return { type: 'start', attempt: attempt + 1 };
  const killed = seen.containerId !== undefined && seen.containerId === memory.of(name).killedId;
  const sidecar = isSidecar(pod, name);
  const again =
    sidecar || (killed ? pod.spec.restartPolicy !== 'Never' : restarts(pod, init, state.exitCode));
  if (!again) return { type: 'keep', attempt };
  const delayMs =
    state.finishedAtMs - state.startedAtMs >= backoffResetMs
      ? 0
      : (memory.of(name).crashDelayMs ?? delayOfAttempt(attempt));
  const untilMs = state.finishedAtMs + delayMs;
  // An end that is yet to come was noted before the clock was set back: no wait follows from it.
  const known = state.finishedAtMs <= nowMs + clockSlackMs;
  if (known && nowMs < untilMs) return { type: 'backOff', attempt, untilMs, delayMs };
  return { type: 'start', attempt: attempt + 1 };
}

/** The wait before the attempt after this one, where memory has been lost. */
function delayOfAttempt(attempt: number): number {
  return attempt === 0 ? 0 : Math.min(backoffFirstMs * 2 ** (attempt - 1), backoffMaxMs);
}

/** What to remember when the attempt after `seen` starts. */
export function crashDelayAfter(seen: SeenContainer | undefined, memory: PodMemory, name: string) {
  if (seen?.state.phase !== 'exited') return undefined;
  const { startedAtMs, finishedAtMs } = seen.state;
  if (finishedAtMs - startedAtMs >= backoffResetMs) return backoffFirstMs;
  const delayMs = memory.of(name).crashDelayMs ?? delayOfAttempt(seen.attempt);
  return delayMs === 0 ? backoffFirstMs : Math.min(delayMs * 2, backoffMaxMs);
}

/** Whether a container that ended with `exitCode` runs again. Init containers only until they succeed. */
export function restarts(pod: Pod, init: boolean, exitCode: number): boolean {
  const policy = pod.spec.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  return exitCode !== 0 || (policy === 'Always' && !init);
}

/** All but its sidecars have ended for good, and the pod with them. */
export function haveMainsEnded(pod: Pod, view: PodView): boolean {
  return pod.spec.containers.every(({ name }) => {
    const state = view.containers.get(name)?.state;
    return state?.phase === 'exited' && !restarts(pod, false, state.exitCode);
  });
}

function runs(seen: SeenContainer | undefined): boolean {
  return seen?.state.phase === 'running';
}

function keep(seen: SeenContainer | undefined): ContainerStep {
  return seen === undefined ? { type: 'hold' } : { type: 'keep', attempt: seen.attempt };
}

function succeeded(seen: SeenContainer | undefined): boolean {
  return seen?.state.phase === 'exited' && seen.state.exitCode === 0;
}

function anyMainStarted({ pod, view }: PlanInput): boolean {
  return pod.spec.containers.some((container) => view.containers.has(container.name));
}
