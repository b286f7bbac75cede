/** A machine that writes nothing for a while: held by the agent in its guest, else halted. */
import type { CallOptions } from '../../lib/call.ts';
import type { Stillness } from '../machine.ts';
import { Snapshots } from './libvirt-snapshots.ts';
import type { Found, Machines } from './machines.ts';
import { freeze, thaw } from './snapshot.ts';

export async function holdStill<T>(
  { libvirt, clock }: Machines,
  found: Found | undefined,
  { pause, maxMs, over }: Stillness,
  options: CallOptions,
  task: (frozen: boolean, options: CallOptions) => Promise<T>,
): Promise<T> {
  if (found?.state !== 'running') return await task(found === undefined, options);
  const { domain } = found;
  const snapshots = new Snapshots(libvirt);
  const frozen = await freeze(snapshots, domain, options);
  const halted = !frozen && pause;
  if (halted) await libvirt.suspend(domain, options);
  const done = new AbortController();
  const timer = AbortSignal.any([done.signal, options.signal]);
  void clock.sleep(maxMs, timer).then(
    () => over.abort(),
    () => undefined,
  );
  try {
    return await task(frozen, { signal: AbortSignal.any([options.signal, over.signal]) });
  } finally {
    done.abort();
    // Also when the caller has given up: nobody else would let it go on.
    const anyway = { signal: new AbortController().signal };
    if (halted) await libvirt.resume(domain, anyway);
    if (frozen) await thaw(snapshots, domain, anyway);
  }
}
