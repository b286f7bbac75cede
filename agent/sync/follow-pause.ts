/** Containers and processes are halted, and go on, as their pod says; `follow-machine.ts` does it for machines. */
import { isVm } from '../../api/vm-instance.ts';
import type { InstanceStatus } from '../../runtime/runtime.ts';
import { isPauseWanted } from '../pod/wanted-state.ts';
import type { PodContext } from './pod-context.ts';

/** Answers what is there now: `status` itself when it is as it shall be. */
export async function followPause(
  context: PodContext,
  status: InstanceStatus | undefined,
): Promise<InstanceStatus | undefined> {
  const { pod, runtime, uid, signal, events, life } = context;
  if (status === undefined || isVm(pod)) return status;
  const wanted = isPauseWanted(pod);
  const wrong = status.containers.filter(
    ({ state }) => state.phase === 'running' && (state.paused ?? false) !== wanted,
  );
  // A hook after the start must end first: it would be taken for one that failed.
  if (wrong.length === 0 || wrong.some(({ name }) => life.isStarting(uid, name))) return status;
  await runtime.setPaused(uid, wanted, { signal });
  const [reason, word] = wanted ? ['Paused', 'Halted'] : ['Resumed', 'Resumed'];
  for (const { name } of wrong) {
    const message = `${word} container ${name}`;
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason, message });
  }
  return await runtime.get(uid, { signal });
}
