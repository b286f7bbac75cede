/** Gives a VolumeSnapshot its place: the disk where its Volume lies. The node there takes it. */
import type { Node, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { nodes, volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { dataFinalizer, isPlaced } from '../../api/volume.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
} from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { isNodeGone } from './node-gone.ts';
import { shortOf } from './room.ts';

/** Index of snapshots: `namespace/name` of their Volume; their node. */
const byVolume = 'volume';
const byNode = 'node';

/** Whatever makes room wakes nobody: most of it is no matter of snapshots. */
const fullRetryMs = 30_000;

export function volumeSnapshotController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<VolumeSnapshot> {
  informers.index<VolumeSnapshot>(volumeSnapshots, byVolume, (snapshot) => [originOf(snapshot)]);
  informers.index<VolumeSnapshot>(volumeSnapshots, byNode, ({ spec }) => [spec.nodeName ?? '']);
  const all = informers.for<VolumeSnapshot>(volumeSnapshots);
  return defineController<VolumeSnapshot>({
    name: 'volume-snapshot-controller',
    concurrency: 1, // Each counts those before it.
    for: volumeSnapshots,
    watches: [
      { resource: volumes, keys: (volume) => all.byIndex(byVolume, keyOf(volume)).map(keyOf) },
      {
        resource: nodes,
        keys: ({ metadata }) => all.byIndex(byNode, metadata.name ?? '').map(keyOf),
        matters: () => false,
      },
    ],
    reconcile: (_key, ctx) => place(ctx),
    deleting: (_key, ctx) => letGo(ctx),
    observedGeneration: false, // The node's to tell.
  });
}

async function place(ctx: Reconcile<VolumeSnapshot>): Promise<Outcome> {
  const { object, informers, client, signal } = ctx;
  if (object.spec.allocation !== undefined) return undefined;
  const volume = informers.for<Volume>(volumes).get(originOf(object));
  const why = obstacleOf(object, volume);
  if (volume === undefined || why !== undefined) {
    await wait(ctx, 'VolumeNotReady', why ?? '');
    return undefined;
  }
  const { nodeName = '', allocation, size } = volume.spec;
  const node = informers.for<Node>(nodes).get(nodeName);
  const short = shortOf(volume, node, informers);
  if (short !== undefined) {
    await wait(ctx, 'DiskFull', short);
    return { requeueAfterMs: fullRetryMs };
  }
  const { namespace = '', name = '', uid, resourceVersion, finalizers = [] } = object.metadata;
  const given = { disk: allocation?.disk ?? '', size, volumeUID: volume.metadata.uid ?? '' };
  const patch = {
    // The list is replaced whole, so nobody else may have changed it meanwhile.
    metadata: { uid, resourceVersion, finalizers: [...finalizers, dataFinalizer] },
    spec: { nodeName, allocation: given },
  };
  await client.patch<VolumeSnapshot>(volumeSnapshots, { namespace, name }, patch, { signal });
  return undefined;
}

function obstacleOf({ spec }: VolumeSnapshot, volume: Volume | undefined): string | undefined {
  const what = `volume "${spec.volume}"`;
  if (volume === undefined) return `${what} not found`;
  if (!isPlaced(volume)) return `${what} has no node yet: it gets one with its first user`;
  return volume.status?.path === undefined ? `${what} is not made yet` : undefined;
}

async function wait(
  ctx: Reconcile<VolumeSnapshot>,
  reason: string,
  message: string,
): Promise<void> {
  const { observedGeneration: _, conditions: __, ...known } = ctx.object.status ?? {};
  await ctx.setStatus({ ...known, phase: 'Pending', readyToUse: false, message }, [
    { type: 'Ready', status: 'False', reason, message },
  ]);
}

/** Its node removes what is there; where that is gone for good, nobody can. */
async function letGo(ctx: Reconcile<VolumeSnapshot>): Promise<Outcome> {
  const { object, client, signal, log } = ctx;
  const { namespace = '', name = '', uid, resourceVersion, finalizers = [] } = object.metadata;
  const { nodeName = '' } = object.spec;
  if (!finalizers.includes(dataFinalizer) || !(await isNodeGone(ctx, nodeName))) return undefined;
  const rest = finalizers.filter((each) => each !== dataFinalizer);
  const patch = { metadata: { uid, resourceVersion, finalizers: rest } };
  try {
    await client.patch<VolumeSnapshot>(volumeSnapshots, { namespace, name }, patch, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  log.warn({ node: nodeName }, 'data of a deleted snapshot are out of reach');
  return undefined;
}

function originOf({ metadata, spec }: KubeObject & Pick<VolumeSnapshot, 'spec'>): string {
  return `${metadata.namespace}/${spec.volume}`;
}
