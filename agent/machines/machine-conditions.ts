/** What a VM's conditions say of changes that were made while it runs. Pure. */
import { findCondition, setCondition } from '../../api/conditions.ts';
import type { VM } from '../../api/kinds.gen.ts';
import type { Condition } from '../../api/meta.ts';
import type { MachineChanges } from '../../runtime/machine.ts';

/** Only those that say something. */
export function machineConditions(
  { status, metadata }: VM,
  { restart, failures, agent }: MachineChanges,
  nowMs: number,
): readonly Condition[] {
  const observedGeneration = metadata.generation;
  const seen = observedGeneration === undefined ? {} : { observedGeneration };
  let conditions: readonly Condition[] = status?.conditions ?? [];
  const said: string[] = [];
  const say = (condition: Omit<Condition, 'lastTransitionTime'>) => {
    conditions = setCondition(conditions, { ...condition, ...seen }, nowMs);
    said.push(condition.type);
  };
  if (restart.length > 0) {
    const message = `waits for the next start: ${restart.join(', ')}`;
    say({ type: 'RestartRequired', status: 'True', reason: 'ChangedWhileRunning', message });
  }
  if (failures.length > 0) {
    const message = failures.join('; ');
    say({ type: 'Synchronized', status: 'False', reason: 'ChangeFailed', message });
  }
  if (agent) {
    const message = 'an agent answers in the guest';
    say({ type: 'AgentConnected', status: 'True', reason: 'AgentConnected', message });
  }
  return said.flatMap((type) => findCondition(conditions, type) ?? []);
}
