/** Containers are held to the limits that their volumes have now, also when these change while they run. */
import type { DeviceLimits, InstanceStatus } from '../runtime/runtime.ts';
import { ioOf } from './container-spec.ts';
import { VolumeWait } from './disks/hold-volumes.ts';
import type { PodContext } from './pod-context.ts';
import { containersOf } from './pod-view.ts';

/** Does nothing unless something may have changed; `found` is what was there before this pass. */
export async function followLimits(
  { runtime, memory, uid, signal, volumes, pod }: PodContext,
  found: InstanceStatus | undefined,
): Promise<void> {
  const key = volumes.limitsKey(pod);
  if (key === memory.limitsKey) return;
  const runs = found?.containers.some(({ state }) => state.phase === 'running') === true;
  // What was made in this pass was made with the right ones.
  if (runs && runtime.setIo !== undefined) {
    try {
      const held = await volumes.hold(pod, { signal });
      const io = new Map<string, readonly DeviceLimits[]>();
      for (const container of containersOf(pod)) {
        io.set(container.name, ioOf(container, pod, held).io ?? []);
      }
      await runtime.setIo(uid, io, { signal });
    } catch (error) {
      // It does not have them yet: they come with their limits.
      if (!(error instanceof VolumeWait)) throw error;
    }
  }
  memory.limitsKey = key;
}
