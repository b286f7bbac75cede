/** One pass over one pod: brings the runtime to what the API says, then tells the API what is. */
import type { Pod } from '../../api/kinds.gen.ts';
import { defaultRuntime } from '../../api/node-fit.ts';
import { hasReason } from '../../api/status.ts';
import type { InstancePodStatus } from '../../api/vm-instance.ts';
import { resourceOf } from '../../client/instance.ts';
import type { CallOptions } from '../../lib/call.ts';
import { type InstanceStatus, RuntimeError } from '../../runtime/runtime.ts';
import { createReferences } from '../files/references.ts';
import { removePodDirectory } from '../files/volumes.ts';
import { withIdle } from '../hooks/pod-health.ts';
import { terminationMessages } from '../hooks/termination-message.ts';
import { noNetworks, wantedNetworks } from '../networks/wanted-networks.ts';
import type { PodMemory } from '../pod/pod-memory.ts';
import { containersOf, isSidecar, reportedStatus, viewPod, type Waiting } from '../pod/pod-view.ts';
import { graceMsOf, isStopWanted } from '../pod/wanted-state.ts';
import { adopt, adoptRetryMs, isReleaseWanted, isToBeAdopted, release } from './adoption.ts';
import { withAttachments } from './attach-networks.ts';
import { choiceOf, followCpus } from './follow-cpus.ts';
import { followLimits } from './follow-limits.ts';
import { followMachine, isSaveWanted, machineFacts, saveMachine } from './follow-machine.ts';
import { followNetworks, networkFacts } from './follow-networks.ts';
import { followPause } from './follow-pause.ts';
import { followVolumes } from './follow-volumes.ts';
import type { PodContext, PodDeps } from './pod-context.ts';
import { haveMainsEnded } from './pod-plan.ts';
import { podStatus, type StatusInput } from './pod-status.ts';
import { startContainers } from './start-containers.ts';
import { writePodStatus } from './write-status.ts';

export interface SyncResult {
  /** The pod as the API has it now, where this pass wrote to it. */
  readonly written?: Pod;
  /** When to look again without being called; absent when an event will call. */
  readonly dueAtMs?: number;
  /** What went wrong although there was something to tell: to be tried again with backoff. */
  readonly failure?: Error;
}

export async function syncPod(
  deps: PodDeps,
  pod: Pod,
  memory: PodMemory,
  { signal }: CallOptions,
): Promise<SyncResult> {
  const runtime = deps.runtimeOf(pod);
  const uid = pod.metadata.uid ?? '';
  if (runtime === undefined) return await refuse(deps, pod, memory, signal);
  const context: PodContext = {
    ...deps,
    pod,
    uid,
    memory,
    runtime,
    networks: noNetworks,
    signal,
    tell: (waiting) => tellWaiting(context, waiting),
  };
  if (isReleaseWanted(pod)) {
    await release(context);
    return {};
  }
  if (pod.metadata.deletionTimestamp !== undefined) return await terminate(context);
  if (isFinal(pod)) {
    await endRest(context, await runtime.get(uid, { signal }));
    await context.volumes.release(uid, { signal });
    return {};
  }
  let found = await readInstance(context).catch((error) => tellUnavailable(context, error));
  if (isToBeAdopted(pod, found)) {
    const adopted = await adopt(context);
    if ('reason' in adopted) return await waitToAdopt(context, adopted);
    found = adopted;
  }
  if (memory.eviction !== undefined) return await evict(context, found, memory.eviction);
  if (isStopWanted(pod)) return await stop(context, found);
  const networks = await wantedNetworks(context, pod, found);
  return await bringUp({ ...context, networks }, found);
}

async function bringUp(
  context: PodContext,
  found: InstanceStatus | undefined,
): Promise<SyncResult> {
  const { pod, memory } = context;
  if (pod.status?.reason !== 'Stopped') memory.resumed = false;
  const resume = pod.status?.reason === 'Stopped' && !memory.resumed;
  const before = context.life.follow(context, found);
  const cpus = choiceOf(context);
  // Before anything is read: what changes from here on is due again.
  const { sourceChanges } = memory;
  const references = withAttachments(context, createReferences(context));
  const started = await startContainers(context, found, references, { resume, health: before });
  const { waiting, failure } = started;
  await followCpus(context, found, cpus);
  await followLimits(context, found);
  const left = await endSidecars(context, started.status);
  const { status: made, dueAtMs: machineDueAtMs } = await followMachine(context, left);
  const volumesDueAtMs = await followVolumes(context, { references, sourceChanges });
  const dueAtMs = Math.min(started.dueAtMs, volumesDueAtMs, machineDueAtMs);
  memory.resumed ||= resume;
  await followNetworks(context, made);
  const begun = context.life.follow(context, made);
  const status = await followPause(context, made);
  const health = withIdle(status === made ? begun : context.life.follow(context, status), status);
  const sandboxFailure = failure === undefined ? {} : { sandboxFailure: failure };
  const written = await report(context, status, waiting, { health, ...sandboxFailure });
  if (written !== undefined && isFinal(written)) await endRest(context, status);
  return {
    ...(written === undefined ? {} : { written }),
    ...(dueAtMs === Number.POSITIVE_INFINITY ? {} : { dueAtMs }),
    ...(failure === undefined ? {} : { failure }),
  };
}

async function waitToAdopt(context: PodContext, waiting: Waiting): Promise<SyncResult> {
  const all = containersOf(context.pod).map(({ name }) => [name, waiting] as const);
  const written = await report(context, undefined, new Map(all));
  const dueAtMs = context.clock.now() + adoptRetryMs;
  return { ...(written === undefined ? {} : { written }), dueAtMs };
}

/** A pod that ended for good is kept for its logs and never started again. */
function isFinal({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** A shared network goes with the last container, and what it published with it. */
async function endRest(context: PodContext, status: InstanceStatus | undefined): Promise<void> {
  if (isUp(status)) await stopInstance(context, status);
}

/** They have nothing to stay for once the others have ended for good. */
async function endSidecars(
  context: PodContext,
  status: InstanceStatus | undefined,
): Promise<InstanceStatus | undefined> {
  const { pod, memory, runtime, uid, signal } = context;
  const sidecars = status?.containers.filter(
    ({ name, state }) => state.phase === 'running' && isSidecar(pod, name),
  );
  if (status === undefined || sidecars === undefined || sidecars.length === 0) return status;
  if (!haveMainsEnded(pod, viewPod(pod, status, memory))) return status;
  await stopInstance(context, status);
  return await runtime.get(uid, { signal });
}

async function stopInstance(context: PodContext, status: InstanceStatus): Promise<void> {
  const { pod, signal, aside, life } = context;
  await aside(() => life.end(context, status, { graceMs: graceMsOf(pod), signal }));
}

/** The runtime's word; asked twice before believing that something which ran has vanished. */
async function readInstance(context: PodContext): Promise<InstanceStatus | undefined> {
  const { runtime, uid, signal, pod } = context;
  const status = await runtime.get(uid, { signal });
  if (status !== undefined) return status;
  const ran = containersOf(pod).some(
    ({ name }) => reportedStatus(pod, name)?.containerID !== undefined,
  );
  if (!ran) return undefined;
  return (await runtime.list({ signal })).find((each) => each.id === uid);
}

/** What never ran says what it waits for; of what did nothing is known now. */
async function tellUnavailable(context: PodContext, error: unknown): Promise<never> {
  const { pod } = context;
  const isNew = containersOf(pod).every(({ name }) => reportedStatus(pod, name) === undefined);
  if (isNew && error instanceof RuntimeError && error.reason === 'Unavailable') {
    const waiting = { reason: 'RuntimeUnavailable', message: error.message };
    const all = containersOf(pod).map(({ name }) => [name, waiting] as const);
    await report(context, undefined, new Map(all));
  }
  throw error;
}

async function stop(context: PodContext, found: InstanceStatus | undefined): Promise<SyncResult> {
  const { runtime, uid, pod, signal } = context;
  let status = found;
  let failure: RuntimeError | undefined;
  if (isUp(found)) {
    if (isSaveWanted(pod)) failure = await saveMachine(context);
    else {
      recordKilling(context, found);
      await stopInstance(context, found);
    }
    status = await runtime.get(uid, { signal });
  }
  // One that is saved goes on with the disks that it had.
  if (status?.machine?.state === 'stopped') await context.volumes.releaseUnclaimed(pod, { signal });
  const waiting = new Map<string, Waiting>();
  for (const { name } of pod.spec.containers) {
    const ran = status?.containers.some(
      (each) => each.name === name && each.state.phase !== 'created',
    );
    if (ran !== true) waiting.set(name, { reason: 'Stopped' });
  }
  const trouble = failure === undefined ? {} : { trouble: failure.message };
  const written = await report(context, status, waiting, { stopped: true, ...trouble });
  return {
    ...(written === undefined ? {} : { written }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Little time to say goodbye: what it does meanwhile costs the others. */
const evictionGraceMs = 1_000;

async function evict(
  context: PodContext,
  found: InstanceStatus | undefined,
  evicted: string,
): Promise<SyncResult> {
  const { events, pod, runtime, uid, signal, aside, life } = context;
  events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'Evicted', message: evicted });
  if (isUp(found))
    await aside(() => life.end(context, found, { graceMs: evictionGraceMs, signal }));
  const status = await runtime.get(uid, { signal });
  const written = await report(context, status, new Map(), { evicted });
  return written === undefined ? {} : { written };
}

async function terminate(context: PodContext): Promise<SyncResult> {
  const { runtime, uid, pod, signal, client, dataDir } = context;
  const found = await runtime.get(uid, { signal });
  if (isUp(found)) {
    recordKilling(context, found);
    await stopInstance(context, found);
  }
  if (found !== undefined && !isFinal(pod)) {
    const ended = await runtime.get(uid, { signal });
    await report(context, ended, new Map()).catch((error) => {
      // Only a courtesy to whoever waits for the exit codes; the deletion must not hang on it.
      context.log.debug({ uid, err: error }, 'last status not written');
    });
  }
  await runtime.remove(uid, { graceMs: 0, signal });
  await context.volumes.release(uid, { signal });
  await removePodDirectory(dataDir, uid, { signal });
  const { namespace = '', name = '' } = pod.metadata;
  try {
    const preconditions = { uid };
    await client.delete(
      resourceOf(pod),
      { namespace, name },
      { gracePeriodSeconds: 0, preconditions, signal },
    );
  } catch (error) {
    // Conflict: another pod has the name by now.
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
  return {};
}

/** A pod for a runtime that is not here waits, and says so. */
async function refuse(
  deps: PodDeps,
  pod: Pod,
  memory: PodMemory,
  signal: AbortSignal,
): Promise<SyncResult> {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  if (pod.metadata.deletionTimestamp !== undefined) {
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
    await deps.client.delete(resourceOf(pod), { namespace, name }, options).catch((error) => {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    });
    return {};
  }
  const message = `runtime "${pod.spec.runtimeClassName ?? defaultRuntime}" is not on this node`;
  const waiting = new Map(
    pod.spec.containers.map((each) => [
      each.name,
      { reason: 'CreateContainerConfigError', message },
    ]),
  );
  const build = (newest: Pod) =>
    podStatus({
      ...statusFacts(deps),
      pod: newest,
      view: viewPod(newest, undefined, memory),
      waiting,
      stopped: false,
    });
  const written = await writePodStatus(deps.client, pod, build, { signal });
  return written === undefined ? {} : { written };
}

async function report(
  context: PodContext,
  status: InstanceStatus | undefined,
  waiting: ReadonlyMap<string, Waiting>,
  more: Partial<Pick<StatusInput, 'stopped' | 'health' | 'evicted' | 'sandboxFailure'>> & {
    /** What could not be done to a machine. */
    readonly trouble?: string;
  } = {},
): Promise<Pod | undefined> {
  const { client, pod, memory, signal } = context;
  const messages = await terminationMessages(context, status);
  const networks = networkFacts(context);
  const known = {
    ...statusFacts(context),
    ...networks,
    waiting,
    stopped: false,
    messages,
    ...more,
  };
  const build = (newest: Pod): InstancePodStatus => ({
    ...podStatus({ ...known, pod: newest, view: viewPod(newest, status, memory) }),
    ...machineFacts(context, newest, status, more.trouble),
    ...(networks.networkStatus === undefined ? {} : { networkStatus: networks.networkStatus }),
  });
  return await writePodStatus(client, pod, build, { signal });
}

async function tellWaiting(
  context: PodContext,
  waiting: ReadonlyMap<string, Waiting>,
): Promise<void> {
  const { runtime, uid, signal, log, life } = context;
  try {
    const status = await runtime.get(uid, { signal });
    await report(context, status, waiting, { health: life.follow(context, status) });
  } catch (error) {
    if (!signal.aborted) log.debug({ uid, err: error }, 'progress not written');
  }
}

function statusFacts({ facts, clock }: PodDeps) {
  return { hostIp: facts.hostIp, nowMs: clock.now() };
}

/** Something of it runs, were it only the network that its containers share. */
function isUp(status: InstanceStatus | undefined): status is InstanceStatus {
  if (status === undefined) return false;
  return status.ips.length > 0 || status.containers.some((each) => each.state.phase === 'running');
}

function recordKilling({ events, pod }: PodContext, status: InstanceStatus): void {
  for (const { name, state } of status.containers) {
    if (state.phase !== 'running') continue;
    const message = `Stopping container ${name}`;
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason: 'Killing', message });
  }
}
