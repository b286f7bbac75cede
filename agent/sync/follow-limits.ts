/** Containers are held to the limits that their volumes have now, also when these change while they run. */
import type { DeviceLimits, InstanceStatus } from '../../runtime/runtime.ts';
import { VolumeWait } from '../disks/hold-volumes.ts';
import { ConfigError } from '../pod/config-error.ts';
import { containersOf } from '../pod/pod-view.ts';
import { ioOf } from '../spec/container-spec.ts';
import { diskLimitsOf, diskLimitsText, diskOf } from '../spec/disk-limits.ts';
import type { PodContext } from './pod-context.ts';

/** Does nothing unless something may have changed; `found` is what was there before this pass. */
export async function followLimits(
  { runtime, memory, uid, signal, volumes, pod, dataDir }: PodContext,
  found: InstanceStatus | undefined,
): Promise<void> {
  const diskLimits = diskLimitsText(pod);
  const key = `${volumes.limitsKey(pod)} ${diskLimits}`.trim();
  if (key === memory.limitsKey) return;
  const runs = found?.containers.some(({ state }) => state.phase === 'running') === true;
  // What was made in this pass was made with the right ones.
  if (runs && runtime.setIo !== undefined) {
    try {
      const held = await volumes.hold(pod, { signal });
      const areGone = diskLimits === '' && (memory.diskLimits ?? '') !== '';
      const disk = areGone ? [await diskOf(dataDir)] : await diskLimitsOf(pod, dataDir);
      const io = new Map<string, readonly DeviceLimits[]>();
      for (const container of containersOf(pod)) {
        io.set(container.name, [...(ioOf(container, pod, held).io ?? []), ...disk]);
      }
      await runtime.setIo(uid, io, { signal });
    } catch (error) {
      // It does not have them yet: they come with their limits. What is wrong is told at the next start.
      if (!(error instanceof VolumeWait || error instanceof ConfigError)) throw error;
    }
  }
  memory.limitsKey = key;
  memory.diskLimits = diskLimits;
}
