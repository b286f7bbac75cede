/** Starts what of a pod's containers is due, one failing container not holding up the others. */
import type { CniAttachment } from '../../runtime/cni/cni.ts';
import type { MachineSpec } from '../../runtime/machine.ts';
import {
  type ContainerSpec,
  type InstanceNetwork,
  type InstanceStatus,
  RuntimeError,
  type RuntimeErrorReason,
} from '../../runtime/runtime.ts';
import type { PodHealth } from '../hooks/pod-health.ts';
import type { Waiting } from '../pod/pod-view.ts';
import { containersOf, viewPod } from '../pod/pod-view.ts';
import { bareContainer } from '../spec/container-spec.ts';
import type { NetworkedReferences } from './attach-networks.ts';
import { type InstanceParts, instanceSpec, isShared } from './instance-spec.ts';
import type { PodContext } from './pod-context.ts';
import { crashDelayAfter, type PlannedContainer, planPod } from './pod-plan.ts';
import { prepareContainer } from './prepare-container.ts';

export interface StartResult {
  readonly status: InstanceStatus | undefined;
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** When something is due again; `Infinity` when nothing is. */
  readonly dueAtMs: number;
  /** Why nothing could be started at all. */
  readonly failure?: RuntimeError;
}

/** How soon a container that the engine refuses is tried again. */
const refusedRetryMs = 10_000;

export async function startContainers(
  context: PodContext,
  found: InstanceStatus | undefined,
  references: NetworkedReferences,
  { resume, health }: { readonly resume: boolean; readonly health: PodHealth },
): Promise<StartResult> {
  const { pod, uid, memory, clock, signal, names, runtime, specs, cni } = context;
  names?.follow(pod, runtime.name, specs.getNetworks(uid) ?? [], await cni?.attachments(uid));
  const refused = new Map<string, Waiting>();
  const hasStarted = (name: string) => {
    const known = health.get(name);
    return known !== undefined && known !== 'starting' && known.started;
  };
  const rounds = containersOf(pod).length;
  let status = found;
  if (resume) noteResumed(context, found);
  // Each round but the last ends with one container more that cannot be started now.
  for (let round = 0; ; round += 1) {
    const view = viewPod(pod, status, memory);
    const plan = planPod({ pod, view, memory, nowMs: clock.now(), hasStarted });
    const pass = await preparePass(context, references, plan, status, refused).catch((error) => {
      const failure = networkFailure(context, error);
      if (failure === undefined) throw error;
      return failure;
    });
    if (pass instanceof RuntimeError) {
      return { status, waiting: new Map(), dueAtMs: Number.POSITIVE_INFINITY, failure: pass };
    }
    // A shared network may have died without any container: `ensure` finds out.
    const check = round === 0 && isShared(context) && status !== undefined;
    if ((pass.starting.length === 0 && !check) || round > rounds) {
      return { status, waiting: pass.waiting, dueAtMs: pass.dueAtMs };
    }
    for (const { name } of pass.starting) {
      const delayMs = crashDelayAfter(view.containers.get(name), memory, name);
      if (delayMs !== undefined)
        memory.of(name).crashDelayMs = memory.of(name).resumed ? 0 : delayMs;
    }
    try {
      const after = await context.runtime.ensure(instanceSpec(context, partsOf(pass)), { signal });
      recordStarts(context, status, after);
      for (const { name } of pass.starting) {
        delete memory.of(name).startFailure;
        delete memory.of(name).resumed;
      }
      if (!check) return { status: after, waiting: pass.waiting, dueAtMs: pass.dueAtMs };
      status = after;
    } catch (error) {
      const before = status;
      const failure = networkFailure(context, error);
      if (failure !== undefined) {
        const { starting, dueAtMs } = pass;
        const waiting = withAddressInUse(pass.waiting, starting, failure);
        return { status, waiting, dueAtMs, failure };
      }
      noteFailure(context, pass.starting, refused, error);
      status = await context.runtime.get(context.uid, { signal });
      if (status !== undefined) recordStarts(context, before, status);
    }
  }
}

/** What ended with the stop is no crash, also where it cannot be started at once. */
function noteResumed({ pod, memory }: PodContext, found: InstanceStatus | undefined): void {
  for (const [name, { state }] of viewPod(pod, found, memory).containers) {
    if (state.phase === 'exited') memory.of(name).resumed = true;
  }
}

/** Others may have to be told to let go of it: what waits says who has it. */
function withAddressInUse(
  waiting: ReadonlyMap<string, Waiting>,
  starting: readonly ContainerSpec[],
  { reason, message }: RuntimeError,
): ReadonlyMap<string, Waiting> {
  if (reason !== 'AddressInUse') return waiting;
  return new Map([...waiting, ...starting.map(({ name }) => [name, { reason, message }] as const)]);
}

interface Pass {
  readonly specs: readonly ContainerSpec[];
  readonly starting: readonly ContainerSpec[];
  readonly waiting: ReadonlyMap<string, Waiting>;
  readonly dueAtMs: number;
  /** What a virtual machine that starts is made of. */
  readonly machine?: MachineSpec;
  /** Of a pool; known when something starts. */
  readonly address?: InstanceNetwork;
  /** By CNI; known when something starts. */
  readonly attachments?: readonly CniAttachment[];
}

function partsOf({ specs: containers, machine, address, attachments }: Pass): InstanceParts {
  return {
    containers,
    ...(machine === undefined ? {} : { machine }),
    ...(address === undefined ? {} : { address }),
    ...(attachments === undefined ? {} : { attachments }),
  };
}

async function preparePass(
  context: PodContext,
  references: NetworkedReferences,
  plan: readonly PlannedContainer[],
  status: InstanceStatus | undefined,
  refused: ReadonlyMap<string, Waiting>,
): Promise<Pass> {
  const specs: ContainerSpec[] = [];
  const starting: ContainerSpec[] = [];
  const waiting = new Map<string, Waiting>();
  let dueAtMs = Number.POSITIVE_INFINITY;
  let machine: MachineSpec | undefined;
  let address: InstanceNetwork | undefined;
  let attachments: readonly CniAttachment[] | undefined;
  // A container begins after the `postStart` hooks of those before it.
  let hooked = false;
  for (const { container, step } of plan) {
    const { name } = container;
    if (step.type === 'start' && !refused.has(name) && !hooked) {
      const prepared = await prepareContainer(context, references, container, step.attempt);
      if (prepared.type === 'ready') {
        specs.push(prepared.spec);
        starting.push(prepared.spec);
        machine = prepared.machine;
        address = prepared.address;
        attachments = await references.attachments();
        hooked = container.lifecycle?.postStart !== undefined;
        continue;
      }
      waiting.set(name, prepared.waiting);
      dueAtMs = Math.min(dueAtMs, prepared.retryAtMs);
    } else if (step.type === 'backOff') {
      waiting.set(name, crashLoop(context, name, step));
      dueAtMs = Math.min(dueAtMs, step.untilMs);
    }
    const refusal = refused.get(name);
    if (refusal !== undefined) {
      waiting.set(name, refusal);
      dueAtMs = Math.min(dueAtMs, context.clock.now() + refusedRetryMs);
    }
    hooked ||= context.life.isStarting(context.uid, name);
    // What is there is named as it is: what a specification leaves out is removed.
    const real = status?.containers.find((each) => each.name === name);
    if (real !== undefined) specs.push(bareContainer(container, real.attempt));
  }
  return {
    specs,
    starting,
    waiting,
    dueAtMs,
    ...(machine === undefined ? {} : { machine }),
    ...(address === undefined ? {} : { address }),
    ...(attachments === undefined ? {} : { attachments }),
  };
}

function crashLoop(
  { pod, uid, events, memory }: PodContext,
  name: string,
  { attempt, delayMs }: { readonly attempt: number; readonly delayMs: number },
): Waiting {
  const { name: podName, namespace } = pod.metadata;
  const about = `container=${name} pod=${podName}_${namespace}(${uid})`;
  const message = `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`;
  const remembered = memory.of(name);
  // Once for each wait, however often it is looked at meanwhile.
  if (remembered.backOffTold !== attempt) {
    events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'BackOff', message });
  }
  remembered.backOffTold = attempt;
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${duration(delayMs)} restarting failed ${about}`,
  };
}

/** `10s`, `2m40s`: as Go writes durations. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

const networkReasons = new Set<RuntimeErrorReason>(['StartFailed', 'InvalidSpec', 'AddressInUse']);

/** What the containers share could not be made; reported as upstream does. */
function networkFailure({ events, pod }: PodContext, error: unknown): RuntimeError | undefined {
  if (!(error instanceof RuntimeError) || error.container !== undefined) return undefined;
  if (!networkReasons.has(error.reason)) return undefined;
  const message = `Failed to create pod sandbox: ${error.message}`;
  const reason = 'FailedCreatePodSandBox';
  events.recordEvent({ involvedObject: pod, type: 'Warning', reason, message });
  return error;
}

function noteFailure(
  context: PodContext,
  starting: readonly ContainerSpec[],
  refused: Map<string, Waiting>,
  error: unknown,
): void {
  const { memory, clock, events, pod } = context;
  const failed = starting.find(
    (each) => error instanceof RuntimeError && each.name === error.container,
  );
  if (!(error instanceof RuntimeError) || failed === undefined) throw error;
  const { message } = error;
  const warn = (text: string) =>
    events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'Failed', message: text });
  warn(`Error: ${message}`);
  if (error.reason !== 'StartFailed') {
    refused.set(failed.name, { reason: 'CreateContainerError', message });
    return;
  }
  const nowMs = clock.now();
  delete memory.of(failed.name).resumed;
  memory.of(failed.name).startFailure = {
    attempt: failed.attempt,
    state: {
      phase: 'exited',
      // As upstream: 127 for a missing command, 128 for whatever else the engine could not start.
      exitCode: /executable file not found|no such file/.test(message) ? 127 : 128,
      oomKilled: false,
      startedAtMs: nowMs,
      finishedAtMs: nowMs,
      message,
    },
  };
}

function recordStarts(
  { events, pod }: PodContext,
  before: InstanceStatus | undefined,
  after: InstanceStatus,
): void {
  const known = new Set(before?.containers.map((each) => each.containerId));
  for (const { name, containerId } of after.containers) {
    if (known.has(containerId)) continue;
    const normal = { involvedObject: pod, type: 'Normal' } as const;
    events.recordEvent({ ...normal, reason: 'Created', message: `Created container: ${name}` });
    events.recordEvent({ ...normal, reason: 'Started', message: `Started container ${name}` });
  }
}
