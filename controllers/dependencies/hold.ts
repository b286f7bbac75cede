/** Keeps a workload that is being deleted until the workloads that need it are gone. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf, type Resource } from '../../api/meta.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import { dependantsOf, workloadEdges } from './await.ts';
import { reaches } from './graph.ts';

/** On workloads that depend on others or are depended upon: they go in order. */
const orderFinalizer = 'berth.dev/deletion-order';

/**
 * How long a workload waits whether those that need it are deleted too: `kubectl delete -f` sends one
 * request after another. A dependant that stays does not hold it for longer.
 */
const patienceMs = 5_000;

/** Before pods are made: afterwards it may be too late. True when the workload is another one now. */
export async function ensureOrder(ctx: Reconcile<Workload>): Promise<boolean> {
  const { metadata, spec } = ctx.object;
  const others = spec.dependsOn ?? [];
  const wanted = others.length > 0 || dependantsOf(ctx.informers, ctx.object).length > 0;
  const has = hasOrder(ctx.object);
  if (wanted === has) return false;
  const { finalizers = [] } = metadata;
  const rest = finalizers.filter((each) => each !== orderFinalizer);
  await setFinalizers(ctx, wanted ? [...rest, orderFinalizer] : rest);
  return true;
}

/** First those that need it, then its own pods, then itself. */
export async function leaveInOrder(ctx: Reconcile<Workload>): Promise<Outcome> {
  const { metadata } = ctx.object;
  const { finalizers = [] } = metadata;
  if (!hasOrder(ctx.object)) return undefined;
  const rest = finalizers.filter((each) => each !== orderFinalizer);
  // Its pods are to outlive it: there is nothing to put in order.
  if (finalizers.includes('orphan')) return letGo(ctx, rest);
  const wait = await untilDependantsGone(ctx);
  if (wait !== undefined) return wait;
  let left = 0;
  for (const [resource, child] of childrenOf(ctx)) {
    left += 1;
    if (child.metadata.deletionTimestamp === undefined) await remove(ctx, resource, child);
  }
  return left === 0 ? letGo(ctx, rest) : undefined;
}

async function untilDependantsGone(ctx: Reconcile<Workload>): Promise<Outcome> {
  const { namespace = '', name = '', deletionTimestamp = '' } = ctx.object.metadata;
  const edgesOf = workloadEdges(ctx.informers, namespace);
  const dependants = dependantsOf(ctx.informers, ctx.object).filter(
    // Those of a circle would wait for each other for ever.
    ({ metadata }) => !reaches(name, metadata.name ?? '', edgesOf),
  );
  const going = dependants.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  const leftMs = Date.parse(deletionTimestamp) + patienceMs - ctx.clock.now();
  if (going.length === 0 && (dependants.length === 0 || leftMs <= 0)) return undefined;
  const names = (going.length > 0 ? going : dependants).map(({ metadata }) => metadata.name);
  const message = `Deleted after what depends on it: ${names.join(', ')}.`;
  await ctx.setStatus({ summary: 'Waiting' }, [
    { type: 'DependantsGone', status: 'False', reason: 'Waiting', message },
  ]);
  return { requeueAfterMs: Math.max(leftMs, patienceMs / 5) };
}

function childrenOf({ informers, object }: Reconcile<Workload>) {
  const { uid = '' } = object.metadata;
  const of = (resource: Resource) =>
    informers
      .for<KubeObject>(resource)
      .byIndex(byController, uid)
      .map((child) => [resource, child] as const);
  return [...of(workloads), ...of(pods)];
}

async function remove(
  { client, signal }: Reconcile<Workload>,
  resource: Resource,
  { metadata }: KubeObject | Pod,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = metadata;
  try {
    await client.delete(resource, { namespace, name }, { preconditions: { uid }, signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
}

async function letGo(ctx: Reconcile<Workload>, rest: readonly string[]): Promise<undefined> {
  await setFinalizers(ctx, rest);
  ctx.log.debug({ key: keyOf(ctx.object) }, 'deleted in order');
  return undefined;
}

async function setFinalizers(
  { client, object, signal }: Reconcile<Workload>,
  finalizers: readonly string[],
): Promise<void> {
  const { namespace = '', name = '', uid, resourceVersion } = object.metadata;
  // The list is replaced whole, so nobody else may have changed it meanwhile.
  const patch = { metadata: { uid, resourceVersion, finalizers: [...finalizers] } };
  try {
    await client.patch(workloads, { namespace, name }, patch, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
}

function hasOrder({ metadata }: Workload): boolean {
  return metadata.finalizers?.includes(orderFinalizer) ?? false;
}
