/** The node's heartbeat: a Lease in `kube-node-lease`, renewed four times within its duration. */
import type { Lease } from '../../api/kinds.gen.ts';
import { leases } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { retryLevel } from '../../client/retry-level.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';

const namespace = 'kube-node-lease';
const retryMs = 1_000;
/** Source: kubelet's `nodeLeaseDurationSeconds`. */
const leaseDefaultMs = 40_000;
/** Beats within one duration. */
const beats = 4;

export interface NodeLeaseOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 40 s. */
  readonly leaseMs?: number | undefined;
}

/** Renews until `signal` aborts. */
export async function runNodeLease(
  options: NodeLeaseOptions,
  { signal }: CallOptions,
): Promise<void> {
  const { clock, log, leaseMs = leaseDefaultMs } = options;
  const renewMs = leaseMs / beats;
  while (!signal.aborted) {
    let waitMs = renewMs;
    try {
      await within(renewMs, clock, signal, (given) => renew(options, given));
    } catch (error) {
      if (signal.aborted) return;
      log[retryLevel(error)]({ err: error }, 'node lease not renewed');
      waitMs = retryMs;
    }
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

async function renew(
  { client, nodeName, clock, leaseMs = leaseDefaultMs }: NodeLeaseOptions,
  signal: AbortSignal,
): Promise<void> {
  // Micro-time: six digits after the second.
  const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
  const leaseDurationSeconds = Math.ceil(leaseMs / 1_000);
  const spec = { holderIdentity: nodeName, leaseDurationSeconds, renewTime };
  try {
    await client.patch<Lease>(leases, { namespace, name: nodeName }, { spec }, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    const metadata = { name: nodeName, namespace };
    const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    await client.create<Lease>(leases, lease, { signal });
  }
}
