/** What is done to a virtual machine that is there: halted and let go on, saved instead of shut down. */
import type { Pod } from '../../api/kinds.gen.ts';
import { type InstancePodStatus, isVm, type VmInstance } from '../../api/vm-instance.ts';
import { DiskError } from '../../runtime/disk/disk-images.ts';
import type { MachineChanges } from '../../runtime/machine.ts';
import { type InstanceStatus, RuntimeError } from '../../runtime/runtime.ts';
import { AddressPending } from '../addresses/instance-networks.ts';
import { VolumeWait } from '../disks/hold-volumes.ts';
import { createReferences } from '../files/references.ts';
import { machineConditions } from '../machines/machine-conditions.ts';
import { prepareMachine } from '../machines/prepare-machine.ts';
import { ConfigError } from '../pod/config-error.ts';
import { limitsOf } from '../spec/container-spec.ts';
import { withAttachments } from './attach-networks.ts';
import type { PodContext } from './pod-context.ts';

export interface Followed {
  /** What is there now. */
  readonly status: InstanceStatus | undefined;
  readonly dueAtMs: number;
}

const never = Number.POSITIVE_INFINITY;
/** How soon what could not be changed is tried again. */
const retryMs = 10_000;
const lookAgainMs = 60_000;
/** How long a guest may boot until it is no longer looked for its agent so often. */
const bootMs = 120_000;
/** How often a guest that halted because its disk could not be written is told to go on. */
const goOnMs = 30_000;

/** Brings a machine that is there to what its VM says. */
export async function followMachine(
  context: PodContext,
  status: InstanceStatus | undefined,
): Promise<Followed> {
  const { pod, runtime, uid, signal, memory } = context;
  const state = status?.machine?.state;
  if (!isVm(pod) || runtime.machines === undefined || (state !== 'running' && state !== 'paused')) {
    delete memory.adjusted;
    return { status, dueAtMs: never };
  }
  const { paused = false } = pod.vm.spec;
  const halted = status?.machine?.trouble !== undefined;
  let dueAtMs = never;
  let now = status;
  if (paused !== (state === 'paused')) {
    dueAtMs = halted ? goOnAtMs(context) : never;
    if (dueAtMs === never) {
      await runtime.setPaused(uid, paused, { signal });
      now = await runtime.get(uid, { signal });
    }
  }
  if (now?.machine?.state === 'running')
    dueAtMs = Math.min(dueAtMs, await adjust(context, pod, now));
  return { status: now, dueAtMs };
}

/** When it is told to go on again; never = now. */
function goOnAtMs({ clock, memory }: PodContext): number {
  const dueAtMs = (memory.goneOnAtMs ?? Number.NEGATIVE_INFINITY) + goOnMs;
  if (clock.now() < dueAtMs) return dueAtMs;
  memory.goneOnAtMs = clock.now();
  return never;
}

/** Without a change of the VM what really is there is looked at now and then only. */
async function adjust(context: PodContext, pod: VmInstance, status: InstanceStatus) {
  const { runtime, uid, signal, memory, clock, events, machinesDir, volumes, aside } = context;
  const [guest] = status.containers;
  const key = [guest?.containerId, pod.metadata.generation, volumes.limitsKey(pod)].join(' ');
  const { adjusted } = memory;
  const startedAtMs = guest?.state.phase === 'running' ? guest.state.startedAtMs : 0;
  const isBooting = clock.now() - startedAtMs < bootMs;
  // Nobody tells when an agent comes up in a guest that boots.
  const isOpen = ({ failures, agent }: MachineChanges) =>
    failures.length > 0 || (isBooting && !agent);
  const open = adjusted === undefined || isOpen(adjusted.changes);
  const nextAtMs = (adjusted?.atMs ?? 0) + (open ? retryMs : lookAgainMs);
  if (adjusted?.key === key && clock.now() < nextAtMs) return open ? nextAtMs : never;
  const changes = await changesOf(async () => {
    const references = withAttachments(context, createReferences(context));
    const pools = await references.networks();
    const networks = { pools, attachments: await references.attachments() };
    const had = (await runtime.machines?.disks(uid, { signal })) ?? [];
    const call = { signal, running: true, had } as const;
    const machine = await aside(async () => {
      const held = await volumes.hold(pod, { signal });
      return await prepareMachine(pod.vm, networks, machinesDir, held, call);
    });
    const { size } = status.machine ?? {};
    const obstacle = size === undefined ? undefined : context.growthObstacle(pod, size);
    if (size === undefined || obstacle === undefined) {
      const [container] = pod.spec.containers;
      const limits = container === undefined ? {} : limitsOf(container);
      return await runtime.machines?.adjust(uid, { machine, limits }, { signal });
    }
    // All that it is made of, but not a part of what it cannot have.
    const same = { machine: { ...machine, ...size } };
    const done = await runtime.machines?.adjust(uid, same, { signal });
    return done && { ...done, failures: [obstacle, ...done.failures] };
  });
  if (changes === undefined) return never;
  memory.adjusted = { key, atMs: clock.now(), changes };
  if (hasItsDisks(changes)) await volumes.releaseUnclaimed(pod, { signal });
  const message = changes.failures.join('; ');
  // What a balloon does while its guest boots is nobody's wish.
  const isNew = adjusted !== undefined && adjusted.key !== key;
  if (changes.changed && message === '' && isNew) {
    const normal = { involvedObject: pod, type: 'Normal' } as const;
    events.recordEvent({ ...normal, reason: 'Adjusted', message: 'Changed the running machine' });
  }
  if (message !== '' && message !== adjusted?.changes.failures.join('; ')) {
    const warning = { involvedObject: pod, type: 'Warning' } as const;
    events.recordEvent({ ...warning, reason: 'FailedAdjust', message });
  }
  return isOpen(changes) ? clock.now() + retryMs : never;
}

/** Whether what it was asked to let go of is gone, and no disk waits for its next start. */
function hasItsDisks({ failures, restart }: MachineChanges): boolean {
  const ofDisks = failures.filter((each) => !each.startsWith('spec.resources.'));
  return ofDisks.length === 0 && !restart.some((field) => field.startsWith('spec.disks'));
}

/** What is missing for a change is told as a failure of it. */
async function changesOf(
  task: () => Promise<MachineChanges | undefined>,
): Promise<MachineChanges | undefined> {
  try {
    return await task();
  } catch (error) {
    const known = [DiskError, ConfigError, AddressPending, VolumeWait].some(
      (each) => error instanceof each,
    );
    if (!known || !(error instanceof Error)) throw error;
    const nothing = { restart: [], changed: false, agent: false, addresses: [] };
    return { ...nothing, failures: [error.message] };
  }
}

/** What its status says beside that of an instance. */
export function machineFacts(
  { memory, clock }: PodContext,
  newest: Pod,
  status: InstanceStatus | undefined,
  failed: string | undefined,
): Pick<InstancePodStatus, 'machine'> {
  const { state, trouble = failed } = status?.machine ?? {};
  if (!isVm(newest) || state === undefined) return {};
  const { changes } = memory.adjusted ?? {};
  return {
    machine: {
      state,
      ...(trouble === undefined ? {} : { trouble }),
      ...(changes === undefined
        ? {}
        : {
            addresses: changes.addresses,
            conditions: machineConditions(newest.vm, changes, clock.now()),
          }),
    },
  };
}

export function isSaveWanted(pod: Pod): boolean {
  return isVm(pod) && pod.vm.spec.stopMode === 'Save';
}

/** Answers why it could not be; it runs on then. */
export async function saveMachine(context: PodContext): Promise<RuntimeError | undefined> {
  const { runtime, uid, signal, events, pod, aside } = context;
  const normal = { involvedObject: pod, type: 'Normal' } as const;
  events.recordEvent({ ...normal, reason: 'Saving', message: 'Saving the memory of the guest' });
  try {
    await aside(async () => runtime.machines?.save(uid, { signal }));
    return undefined;
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const { message } = error;
    const warning = { involvedObject: pod, type: 'Warning' } as const;
    events.recordEvent({ ...warning, reason: 'FailedSave', message });
    return error;
  }
}
