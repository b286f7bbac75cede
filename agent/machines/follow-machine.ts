/** What is done to a virtual machine that is there: halted and let go on, saved instead of shut down. */

import type { Pod } from '../../api/kinds.gen.ts';
import { guestContainer, isVm } from '../../api/vm-instance.ts';
import { type InstanceStatus, RuntimeError } from '../../runtime/runtime.ts';
import type { PodHealth } from '../hooks/container-life.ts';
import type { PodContext } from '../pod-context.ts';

export interface Followed {
  /** What is there now. */
  readonly status: InstanceStatus | undefined;
  readonly dueAtMs: number;
}

const never = Number.POSITIVE_INFINITY;
/** How often a guest that halted because its disk could not be written is told to go on. */
const goOnMs = 30_000;

/** Brings a machine that runs to what its VM says. */
export async function followMachine(
  context: PodContext,
  status: InstanceStatus | undefined,
): Promise<Followed> {
  const { pod, runtime, uid, signal, clock, memory } = context;
  const { machines } = runtime;
  const state = status?.machine?.state;
  if (!isVm(pod) || machines === undefined || state === undefined) {
    return { status, dueAtMs: never };
  }
  const { paused = false } = pod.vm.spec;
  if ((state !== 'running' || !paused) && (state !== 'paused' || paused)) {
    return { status, dueAtMs: never };
  }
  if (status?.machine?.trouble !== undefined) {
    const dueAtMs = (memory.goneOnAtMs ?? Number.NEGATIVE_INFINITY) + goOnMs;
    if (clock.now() < dueAtMs) return { status, dueAtMs };
    memory.goneOnAtMs = clock.now();
  }
  await machines.setPaused(uid, paused, { signal });
  return { status: await runtime.get(uid, { signal }), dueAtMs: never };
}

/** A guest that does nothing serves nobody. */
export function withIdle(health: PodHealth, status: InstanceStatus | undefined): PodHealth {
  const state = status?.machine?.state;
  if (state !== 'paused' && state !== 'sleeping') return health;
  return new Map([...health, [guestContainer, { started: true, ready: false }]]);
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
