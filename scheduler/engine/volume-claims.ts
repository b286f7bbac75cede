/** What the Volumes that an instance claims say of where it may go. Pure. */
import type { Pod, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { claimsOf, isPlaced } from '../../api/volume.ts';
import type { VolumeNeed } from '../dimensions/storage/need.ts';
import { bytesOf } from './node-disks.ts';
import type { LyingVolume } from './request.ts';

/** Who uses a Volume, or is about to. */
export interface Holder {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface VolumeLookup {
  /** A Volume of the instance's namespace. */
  find(name: string): Volume | undefined;
  snapshot(name: string): VolumeSnapshot | undefined;
  holderOf(volume: Volume): Holder | undefined;
}

export type VolumeClaims =
  /** It cannot be decided now; the message names the Volume. */
  | { readonly type: 'wait'; readonly message: string }
  | {
      readonly type: 'claims';
      readonly volumes: readonly Volume[];
      /** Those that tie it to a node. */
      readonly lying: readonly LyingVolume[];
      /** Those that get their place together with it. */
      readonly needs: readonly VolumeNeed[];
    };

/** Undefined for an instance that claims none. */
export function volumeClaims(pod: Pod, lookup: VolumeLookup): VolumeClaims | undefined {
  const names = claimsOf(pod);
  if (names.length === 0) return undefined;
  const volumes: Volume[] = [];
  const lying: LyingVolume[] = [];
  for (const name of names) {
    const volume = lookup.find(name);
    const message = obstacleOf(name, volume, pod, lookup);
    if (volume === undefined || message !== undefined) return wait(message ?? '');
    volumes.push(volume);
    lying.push(...tiesOf(name, volume, lookup));
  }
  const [first] = lying;
  const apart = lying.find(({ node }) => node !== first?.node);
  if (first !== undefined && apart !== undefined) {
    return wait(`${lies(first)} and ${lies(apart)}: no node has both`);
  }
  const needs = volumes.filter((volume) => !isPlaced(volume)).map(needOf);
  return { type: 'claims', volumes, lying, needs };
}

/** What a Volume takes of a disk. Throws for amounts that the API does not let through. */
export function needOf({ metadata, spec }: Volume): VolumeNeed {
  const { name = '' } = metadata;
  const { requests = {}, source } = spec;
  const size = bytesOf(spec.size);
  if (size === undefined) throw new Error(`Volume ${name}: "${spec.size}" is no size`);
  return {
    name,
    class: spec.class ?? 'local',
    size,
    exclusive: spec.exclusive === true,
    readIops: requests.readIOPS ?? 0,
    writeIops: requests.writeIOPS ?? 0,
    readBps: bytesOf(requests.readBPS) ?? 0,
    writeBps: bytesOf(requests.writeBPS) ?? 0,
    ...(source?.retained === undefined ? {} : { retained: source.retained }),
  };
}

/** What a snapshot takes of its disk; undefined as long as it has none. Throws as `needOf`. */
export function snapshotNeed({ metadata, spec, status }: VolumeSnapshot): VolumeNeed | undefined {
  if (spec.allocation === undefined) return undefined;
  const { name = '' } = metadata;
  // Once it is taken it is as large as its Volume was then.
  const asked = status?.restoreSize ?? spec.allocation.size;
  const size = bytesOf(asked);
  if (size === undefined) throw new Error(`VolumeSnapshot ${name}: "${asked}" is no size`);
  const rates = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };
  return { name, class: '', size, exclusive: false, ...rates };
}

export function lies({ volume, node, snapshot }: LyingVolume): string {
  return snapshot === undefined
    ? `volume "${volume}" lies on node ${node}`
    : `volume "${volume}" is made from snapshot "${snapshot}" on node ${node}`;
}

function wait(message: string): VolumeClaims {
  return { type: 'wait', message };
}

/** Why it cannot be had now, wherever. */
function obstacleOf(
  name: string,
  volume: Volume | undefined,
  pod: Pod,
  lookup: VolumeLookup,
): string | undefined {
  if (volume === undefined) return `volume "${name}" does not exist`;
  if (volume.metadata.deletionTimestamp !== undefined) return `volume "${name}" is being deleted`;
  const holder = lookup.holderOf(volume);
  if (holder !== undefined && holder.uid !== pod.metadata.uid) {
    return `volume "${name}" is held by ${holder.kind} "${holder.name}": one at a time uses it`;
  }
  return isPlaced(volume) ? undefined : sourceObstacle(name, volume, lookup);
}

/** Why what it is made from is not there yet. */
function sourceObstacle(
  name: string,
  { spec: { source = {} } }: Volume,
  { find, snapshot }: VolumeLookup,
): string | undefined {
  if (source.snapshot !== undefined) {
    const what = `volume "${name}" is made from snapshot "${source.snapshot}", which`;
    const from = snapshot(source.snapshot);
    if (from === undefined) return `${what} does not exist`;
    if (from.metadata.deletionTimestamp !== undefined) return `${what} is being deleted`;
    const { readyToUse = false, message = 'it was not asked for yet' } = from.status ?? {};
    return readyToUse ? undefined : `${what} is not taken: ${message}`;
  }
  if (source.volume === undefined) return undefined;
  const what = `volume "${name}" is made from volume "${source.volume}", which`;
  const from = find(source.volume);
  if (from === undefined) return `${what} does not exist`;
  return isPlaced(from) ? undefined : `${what} has no node yet`;
}

function tiesOf(name: string, volume: Volume, lookup: VolumeLookup): readonly LyingVolume[] {
  const { nodeName: node = '', source = {} } = volume.spec;
  // One that has a node and no disk yet was tied to it by whoever made it.
  const own = node === '' ? [] : [{ volume: name, node }];
  if (isPlaced(volume)) return own;
  const origin = source.volume === undefined ? undefined : lookup.find(source.volume);
  if (origin?.spec.nodeName !== undefined)
    return [...own, { volume: source.volume ?? '', node: origin.spec.nodeName }];
  const { snapshot = '' } = source;
  const there = lookup.snapshot(snapshot)?.spec.nodeName;
  return there === undefined ? own : [...own, { volume: name, node: there, snapshot }];
}
