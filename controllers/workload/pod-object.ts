import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { volumeName } from '../../api/volume.ts';
import { controllerReference } from '../kit/pass.ts';
import { type Content, contentOf } from './content.ts';
import { ordinalLabel, type PodName, templateHashLabel, workloadLabel } from './plan.ts';
import { reservationOf } from './reservations.ts';
import { safeHash } from './template-hash.ts';

/** On a pod: `"false"` = stop it and keep everything it owns. */
export const runningAnnotation = 'berth.dev/running';

const suffixLength = 5;

/** What a host name may be; names of pods may be longer and have dots. */
const hostLabel = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Longest name of a pod made of a workload's; longer ones are cut and told apart by a hash. */
const baseLengthMax = 200;

/** `web-3` for ordinals, `web-7d4f9xkz-x2k5q` for slots; depends on nothing but its arguments. */
export function podName(workload: Workload, hash: string, slot: number): string {
  const { name = '', uid = '' } = workload.metadata;
  const base = baseName(name);
  if (workload.spec.identity === 'Stable') return `${base}-${slot}`;
  return `${base}-${hash}-${safeHash(`${uid}/${hash}/${slot}`, suffixLength)}`;
}

/** `web-7d4f9xkz`; cut where it would be too long for what is made of it. */
export function nameWithHash(name: string, hash: string): string {
  return `${baseName(name)}-${hash}`;
}

/** What the names of a workload's pods begin with. */
export function baseName(name: string): string {
  if (name.length <= baseLengthMax) return name;
  return `${name.slice(0, 190).replace(/[-.]+$/, '')}-${safeHash(name, 8)}`;
}

export function isHostName(name: string): boolean {
  return hostLabel.test(name);
}

/** A new instance. */
export function podObject(
  workload: Workload,
  hash: string,
  { name, ordinal }: PodName,
  content: Content = contentOf(workload),
): Pod {
  const { runtime, template } = content;
  const { metadata, spec } = workload;
  const stopped = spec.running === false ? { [runningAnnotation]: 'false' } : {};
  const annotations = {
    ...template.metadata?.annotations,
    ...reservationOf(name, content),
    ...stopped,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: {
        ...template.metadata?.labels,
        [workloadLabel]: labelValue(metadata.name ?? ''),
        [templateHashLabel]: hash,
        ...(ordinal === undefined ? {} : { [ordinalLabel]: String(ordinal) }),
      },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ownerReferences: [controllerReference(workloads, workload)],
    },
    spec: {
      ...template.spec,
      ...podVolumes(workload, name),
      runtimeClassName: runtime,
      ...(ordinal === undefined || template.spec.hostname !== undefined || !isHostName(name)
        ? {}
        : { hostname: name }),
    },
  };
}

/** The volumes of its template, and its own. */
function podVolumes({ spec }: Workload, podName: string): Pick<Pod['spec'], 'volumes'> {
  const { volumeClaimTemplates: templates = [], template } = spec;
  if (templates.length === 0) return {};
  const own = templates.map(({ metadata: { name } }) => {
    return { name, persistentVolumeClaim: { claimName: volumeName(name, podName) } };
  });
  return { volumes: [...(template.spec.volumes ?? []), ...own] };
}

/** Label values end at 63 characters, names do not. */
export function labelValue(name: string): string {
  return name.length <= 63 ? name : `${name.slice(0, 54)}-${safeHash(name, 8)}`;
}
