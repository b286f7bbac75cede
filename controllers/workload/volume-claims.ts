/**
 * One Volume for each instance of a workload and each of its `volumeClaimTemplates`, named `<template>-<pod>`. They
 * belong to nobody: they stay when there are fewer instances, and when the workload is deleted, as those of a StatefulSet.
 */
import type { Pod, Volume, VolumeClaimTemplate, Workload } from '../../api/kinds.gen.ts';
import { parseBytes } from '../../api/quantity.ts';
import { volumes } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import { volumeName } from '../../api/volume.ts';
import type { Reconcile } from '../kit/controller.ts';
import { workloadLabel } from './plan.ts';
import { labelValue } from './pod-object.ts';

/**
 * Sees to it that they are there before the pod is made. Those that are there already are used as they are. Returns
 * why one that is there cannot be used.
 */
export async function ensureVolumes(
  ctx: Reconcile<Workload>,
  { metadata }: Pod,
): Promise<StatusError | undefined> {
  const { client, informers, object: workload, signal } = ctx;
  const { name: podName = '', namespace = '' } = metadata;
  for (const template of workload.spec.volumeClaimTemplates ?? []) {
    const name = volumeName(template.metadata.name, podName);
    const known = informers.for<Volume>(volumes).get(`${namespace}/${name}`);
    if (known?.metadata.deletionTimestamp !== undefined) {
      return new StatusError(409, 'Conflict', `volume "${name}" is being deleted`);
    }
    if (known !== undefined) continue;
    const wanted = volumeOf(workload, template, { name, namespace });
    try {
      await client.create<Volume>(volumes, wanted, { signal });
      ctx.log.info({ volume: name }, 'volume created');
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
  }
  return undefined;
}

/** Those of `pods` that are smaller than their template says by now grow. */
export async function growVolumes(ctx: Reconcile<Workload>, pods: readonly Pod[]): Promise<void> {
  const { informers, object: workload } = ctx;
  const { namespace = '' } = workload.metadata;
  const known = informers.for<Volume>(volumes);
  for (const { metadata, spec } of workload.spec.volumeClaimTemplates ?? []) {
    for (const pod of pods) {
      const name = volumeName(metadata.name, pod.metadata.name ?? '');
      const volume = known.get(`${namespace}/${name}`);
      if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) continue;
      if (parseBytes(volume.spec.size) >= parseBytes(spec.size)) continue;
      await grow(ctx, volume, spec.size);
    }
  }
}

async function grow(
  ctx: Reconcile<Workload>,
  { metadata }: Volume,
  size: string | number,
): Promise<void> {
  const { client, signal, log } = ctx;
  const { name = '', namespace = '', uid, resourceVersion } = metadata;
  const patch = { metadata: { uid, resourceVersion }, spec: { size } };
  try {
    await client.patch<Volume>(volumes, { name, namespace }, patch, { signal });
    log.info({ volume: name, size }, 'volume grows');
  } catch (error) {
    if (hasReason(error, 'NotFound')) return;
    // A quota, a webhook: the others may grow all the same.
    if (!hasReason(error, 'Forbidden', 'Invalid')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    ctx.event('Warning', 'FailedResize', `Error growing volume ${name} to ${size}: ${why}`);
  }
}

function volumeOf(
  { metadata, spec }: Workload,
  template: VolumeClaimTemplate,
  key: { readonly name: string; readonly namespace: string },
): Volume {
  const { labels, annotations } = template.metadata;
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata: {
      ...key,
      labels: {
        ...labels,
        ...spec.selector.matchLabels,
        [workloadLabel]: labelValue(metadata.name ?? ''),
      },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: template.spec,
  };
}
