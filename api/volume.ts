/** Volumes: the words that server, scheduler, controllers and agents share about them. */
import type { Pod, Volume } from './kinds.gen.ts';

/** Keeps a deleted Volume until nobody holds it; of every Volume, taken off by the volume controller. */
export const protectionFinalizer = 'berth.dev/volume-protection';

/**
 * Keeps a deleted Volume until its data are wiped, or kept where they are; put on when it is bound, taken off by the
 * agent of its node.
 */
export const dataFinalizer = 'berth.dev/volume-data';

/**
 * The condition (False) of an instance that has its node and claims a Volume that it cannot have there; absent otherwise.
 */
export const volumesBound = 'VolumesBound';

/** The annotation in which a node names its disks: a list of `NodeDisk` as JSON. */
export const disksAnnotation = 'berth.dev/disks';

/** A disk of a node, as its agent publishes it. Rates that are absent are not counted. */
export interface NodeDisk {
  readonly name: string;
  readonly class: string;
  readonly path: string;
  /** Quantity. */
  readonly capacity: string;
  readonly readIOPS?: number;
  readonly writeIOPS?: number;
  /** Bytes a second, as a number or quantity. */
  readonly readBPS?: number | string;
  readonly writeBPS?: number | string;
  /** `major:minor`. */
  readonly device?: string;
  /** What deleted Volumes left there and nobody has taken up. */
  readonly retained?: readonly RetainedData[];
}

export interface RetainedData {
  /** Of the deleted Volume. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Quantity. */
  readonly size: string;
}

/** The names of the Volumes that a pod claims, each once, in order. */
export function claimsOf({ spec }: Pick<Pod, 'spec'>): readonly string[] {
  const names = (spec.volumes ?? []).flatMap(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [],
  );
  return [...new Set(names)].filter((name) => name !== '');
}

/** Of the Volume that a workload makes for an instance. */
export function volumeName(template: string, instance: string): string {
  return `${template}-${instance}`;
}

/** Whether it has its place: only then there can be data. */
export function isPlaced({ spec }: Volume): boolean {
  return (spec.nodeName ?? '') !== '' && (spec.allocation?.disk ?? '') !== '';
}

/** Names of those on that disk of a node that somebody uses now, `namespace/name`. */
export function usedVolumes(volumes: readonly Volume[], disk: string): readonly string[] {
  return volumes
    .filter(({ spec, status }) => spec.allocation?.disk === disk && status?.holder !== undefined)
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}
