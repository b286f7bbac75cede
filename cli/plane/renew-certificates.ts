/** Keeps the certificates of a running server valid: what is about to expire is signed anew. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Identity } from './identity.ts';

export interface RenewalDeps {
  /** Reads the certificates, and signs those anew that are valid for less than thirty days. */
  readonly open: () => Promise<Identity>;
  /** Told of each set that differs from the one before. */
  readonly onRenewed: (identity: Identity) => Promise<void> | void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Often enough, since a certificate is renewed a month before its end. */
export const renewalCheckMs = 12 * 3_600_000;

/** Looks until aborted. */
export async function renewCertificates(
  first: Identity,
  { open, onRenewed, clock, log }: RenewalDeps,
  signal: AbortSignal,
): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await clock.sleep(renewalCheckMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const next = await open();
      if (certificatesOf(next) === certificatesOf(current)) continue;
      await onRenewed(next);
      current = next;
      log.info({}, 'certificates renewed');
    } catch (error) {
      log.error({ err: error }, 'certificates not renewed, retrying');
    }
  }
}

function certificatesOf({ serving, agentClient, admin }: Identity): string {
  return serving.cert + agentClient.cert + admin.cert;
}
