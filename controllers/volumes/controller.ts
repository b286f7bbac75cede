/** Gives Volumes back that nobody holds any more, and lets deleted ones go when that is so. */
import type { Volume } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { nodes, pods, vms, volumes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { dataFinalizer, protectionFinalizer } from '../../api/volume.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
} from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { claimedKeys, indexClaims, nextHolder, presentHolder, stateOf } from './holder.ts';
import { isNodeGone } from './node-gone.ts';

/** Indexes of Volumes: the uid of their holder; their node. */
const byHolder = 'holder';
const byNode = 'node';

/** Its holder's going wakes it; this is for what nobody hears. */
const heldRetryMs = 30_000;

export function volumeController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<Volume> {
  indexClaims(informers);
  informers.index<Volume>(volumes, byHolder, ({ status }) =>
    status?.holder === undefined ? [] : [status.holder.uid],
  );
  informers.index<Volume>(volumes, byNode, ({ spec }) => [spec.nodeName ?? '']);
  const all = informers.for<Volume>(volumes);
  const heldBy = ({ metadata }: KubeObject) => all.byIndex(byHolder, metadata.uid ?? '').map(keyOf);
  const instances = [pods, vms].map((resource) => ({
    resource,
    keys: (object: KubeObject) => [...claimedKeys(object), ...heldBy(object)],
    matters: (object: KubeObject, old: KubeObject) => stateOf(object) !== stateOf(old),
  }));
  return defineController<Volume>({
    name: 'volume-controller',
    for: volumes,
    watches: [
      ...instances,
      {
        resource: nodes,
        keys: ({ metadata }) => all.byIndex(byNode, metadata.name ?? '').map(keyOf),
        matters: () => false,
      },
    ],
    reconcile: (_key, ctx) => settle(ctx),
    deleting: (_key, ctx) => letGo(ctx),
    observedGeneration: false, // The node's to tell.
  });
}

async function settle(ctx: Reconcile<Volume>): Promise<Outcome> {
  if ((await presentHolder(ctx)) !== undefined) return undefined;
  const before = ctx.object.status?.holder;
  const next = nextHolder(ctx);
  if (before === undefined && next === undefined) return undefined;
  // A binding may have given it to somebody meanwhile.
  await ctx.setStatus({ holder: next === undefined ? undefined : { ...next } }, [], {
    exact: true,
  });
  ctx.log.info({ before: before?.name, holder: next?.name }, 'volume has another holder');
  return undefined;
}

/** The node then does with the data what it is told, and lets go of its own finalizer. */
async function letGo(ctx: Reconcile<Volume>): Promise<Outcome> {
  const { object, client, signal, log } = ctx;
  const { namespace = '', name = '', uid, resourceVersion, finalizers = [] } = object.metadata;
  const holder = await presentHolder(ctx);
  if (holder !== undefined) {
    const message = `is deleted when ${holder.kind} "${holder.metadata.name}", which holds it, is gone`;
    ctx.event('Normal', 'InUse', message);
    return { requeueAfterMs: heldRetryMs };
  }
  const isLost =
    finalizers.includes(dataFinalizer) && (await isNodeGone(ctx, object.spec.nodeName ?? ''));
  const done = new Set([protectionFinalizer, ...(isLost ? [dataFinalizer] : [])]);
  const rest = finalizers.filter((each) => !done.has(each));
  if (rest.length === finalizers.length) return undefined;
  // The list is replaced whole, so nobody else may have changed it meanwhile.
  const patch = { metadata: { uid, resourceVersion, finalizers: rest } };
  try {
    await client.patch<Volume>(volumes, { namespace, name }, patch, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  if (isLost) log.warn({ node: object.spec.nodeName }, 'data of a deleted volume are out of reach');
  return undefined;
}
