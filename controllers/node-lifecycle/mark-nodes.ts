/** Makes Node objects say whether their machine answers: conditions, then taints. */
import type { Lease, Node, Taint } from '../../api/kinds.gen.ts';
import { leases, nodes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import {
  forAll,
  isSilent,
  type NodeLifecycleContext,
  nameOf,
  patchExactly,
  plain,
} from './context.ts';
import { healthTaints, isHealthTaint, readinessOf, silentConditions } from './node-health.ts';

const leaseNamespace = 'kube-node-lease';

/** Hears every node's last beat: its lease, or what it said of itself. */
export function listen(ctx: NodeLifecycleContext, all: readonly Node[]): void {
  const { beats, informers, clock } = ctx;
  const known = informers.for<Lease>(leases);
  beats.tick(clock.now());
  for (const node of all) {
    const lease = known.get(`${leaseNamespace}/${nameOf(node)}`);
    beats.hear(nameOf(node), signOf(node, lease));
  }
  beats.keepOnly(new Set(all.map(nameOf)));
}

/** Differs after each beat. This controller's own writes leave it as it is. */
function signOf({ metadata, status }: Node, lease: Lease | undefined): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return [metadata.uid, lease?.spec.renewTime, ready?.lastHeartbeatTime].join(' ');
}

/**
 * Asks the server about nodes that seem to have gone silent just now: the silence may be our own
 * cache's. False when the server does not answer, for then nobody could be heard.
 */
export async function confirmSilence(
  ctx: NodeLifecycleContext,
  suspects: readonly Node[],
): Promise<boolean> {
  const { client, beats, signal, log } = ctx;
  let answers = true;
  await forAll(ctx, suspects, async (node) => {
    const name = nameOf(node);
    if (!answers) return;
    try {
      const key = { namespace: leaseNamespace, name };
      beats.hear(name, signOf(node, await client.get<Lease>(leases, key, { signal })));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return;
      answers = false;
      log.warn({ node: name, err: error }, 'leases cannot be read: no node is called silent');
    }
  });
  return answers;
}

/** True when all was written. */
export function markNodes(ctx: NodeLifecycleContext, all: readonly Node[]): Promise<boolean> {
  return forAll(ctx, all, async (node) => {
    const silent = isSilent(ctx, node);
    if (silent && (await markSilent(ctx, node))) return; // Taints follow with the new version.
    const readiness = readinessOf(node);
    if (readiness === undefined) return;
    const nowMs = ctx.clock.now();
    const taints = healthTaints(node, readiness, nowMs);
    if (taints === undefined) return;
    await patchExactly(ctx, nodes, node, { spec: { taints: plain(taints) } });
    ctx.log.info({ node: nameOf(node), ready: readiness }, 'node taints changed');
    // The machine's own pressure is no change of readiness.
    const health = (all: readonly Taint[] = []) => all.filter(isHealthTaint).length;
    if (health(taints) === health(node.spec.taints)) return;
    if (readiness === 'True') event(ctx, node, 'Normal', 'NodeReady');
    if (readiness === 'False') event(ctx, node, 'Warning', 'NodeNotReady');
  });
}

async function markSilent(ctx: NodeLifecycleContext, node: Node): Promise<boolean> {
  const conditions = silentConditions(node, ctx.clock.now());
  if (conditions === undefined) return false;
  const patch = { status: { conditions: plain(conditions) } };
  await patchExactly(ctx, nodes, node, patch, 'status');
  ctx.log.warn({ node: nameOf(node) }, 'node has stopped answering');
  event(ctx, node, 'Warning', 'NodeNotReady');
  return true;
}

function event(
  { events }: NodeLifecycleContext,
  node: Node,
  type: 'Normal' | 'Warning',
  reason: 'NodeReady' | 'NodeNotReady',
): void {
  const message = `Node ${nameOf(node)} status is now: ${reason}`;
  events.recordEvent({ involvedObject: node, type, reason, message });
}
