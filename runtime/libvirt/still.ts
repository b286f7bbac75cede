/** A machine that writes nothing for a while: held by the agent in its guest, else halted. */
import type { CallOptions } from '../../lib/call.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { underAny } from '../../lib/under-any.ts';
import type { Stillness } from '../machine.ts';
import { Snapshots } from './libvirt-snapshots.ts';
import type { Found, Machines } from './machines.ts';
import { freeze, thaw } from './snapshot.ts';

export async function holdStill<T>(
  machines: Machines,
  found: Found | undefined,
  { pause, maxMs, over }: Stillness,
  options: CallOptions,
  task: (frozen: boolean, options: CallOptions) => Promise<T>,
): Promise<T> {
  if (found?.state !== 'running') return await task(found === undefined, options);
  const { libvirt, clock, attempts } = machines;
  const { domain, labels } = found;
  const snapshots = new Snapshots(libvirt);
  await attempts.noteStill(labels.instance, true);
  const frozen = await freeze(snapshots, domain, options);
  const halted = !frozen && pause;
  if (halted) await libvirt.suspend(domain, options);
  const done = new AbortController();
  void clock.sleep(maxMs, done.signal).then(
    () => over.abort(),
    () => undefined,
  );
  try {
    // Also a task that does not heed it holds no guest for longer.
    return await underAny([options.signal, over.signal], (signal) =>
      orAborted(task(frozen, { signal }), signal),
    );
  } finally {
    done.abort();
    // Also when the caller has given up: nobody else would let it go on.
    const anyway = { signal: new AbortController().signal };
    if (halted) await libvirt.resume(domain, anyway);
    if (frozen) await thaw(snapshots, domain, anyway);
    await attempts.noteStill(labels.instance, false);
  }
}

/** What an agent that was killed has held goes on; one that is halted its owner's wish sets going. */
export async function endStillness(
  { libvirt, attempts }: Machines,
  found: Found | undefined,
  options: CallOptions,
): Promise<void> {
  if (found === undefined || !(await attempts.isStill(found.labels.instance))) return;
  if (found.running) await thaw(new Snapshots(libvirt), found.domain, options);
  await attempts.noteStill(found.labels.instance, false);
}
