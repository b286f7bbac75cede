/** Containers run on the processors of their pod, and are moved when others are bound to those, or give them back. */
import type { CpuChoice, InstanceStatus } from '../../runtime/runtime.ts';
import { ConfigError } from '../pod/config-error.ts';
import type { PodContext } from './pod-context.ts';

/** Throws `ConfigError` when the pod was given processors that it cannot have here. */
export function checkCpus({ cpusOf, pod, runtime }: PodContext): void {
  const { isAll } = cpusOf(pod);
  const bound = pod.metadata.annotations?.['berth.dev/cpu-binding'] === 'Bound';
  if (!bound || isAll || runtime.setCpus !== undefined) return;
  throw new ConfigError(`runtime "${runtime.name}" cannot bind a pod to processors yet`);
}

/** Undefined where `checkCpus` refuses: why is told when a container is made. */
export function choiceOf({ cpusOf, pod }: PodContext): CpuChoice | undefined {
  try {
    return cpusOf(pod);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/**
 * Does nothing unless something may have changed. `found` is what was there, and `choice` what was right, before this
 * pass: what changes meanwhile queues the pod again.
 */
export async function followCpus(
  { runtime, memory, uid, signal, isLive }: PodContext,
  found: InstanceStatus | undefined,
  choice: CpuChoice | undefined,
): Promise<void> {
  if (choice === undefined || choice.cpus === memory.cpus || !isLive()) return;
  // What was made in this pass was made on the right ones.
  if (found !== undefined) await runtime.setCpus?.(uid, choice, { signal });
  memory.cpus = choice.cpus;
}
