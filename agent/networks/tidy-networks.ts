/** Has networks by CNI given back that nobody has any more. */
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { repeat } from '../../lib/repeat.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';

export interface TidyNetworksOptions {
  readonly cni?: CniNetworks;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often what a plugin refused to take back is tried again. */
const tidyMs = 60_000;
/** How often plugins are told all that is there; after the first time. */
const collectEvery = 60;

/** Until `signal` aborts. `isLive`: all instances of the node are known. */
export async function tidyNetworks(
  { cni, clock, log }: TidyNetworksOptions,
  isLive: () => boolean,
  { signal }: CallOptions,
): Promise<void> {
  if (cni === undefined) return;
  let round = 0;
  await repeat(clock, tidyMs, signal, async () => {
    if (!isLive()) return;
    try {
      await cni.tidy({ signal });
      if (round % collectEvery === 0) await cni.collect({ signal });
      round += 1;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'networks not tidied');
    }
  });
}
