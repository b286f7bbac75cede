/** What the Volumes that an instance claims say of where it may go. Pure. */
import type { Pod, Volume } from '../../api/kinds.gen.ts';
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

export function lies({ volume, node }: LyingVolume): string {
  return `volume "${volume}" lies on node ${node}`;
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
  const origin = originOf(volume);
  if (isPlaced(volume) || origin === undefined) return undefined;
  const from = lookup.find(origin);
  const what = `volume "${name}" is made from volume "${origin}", which`;
  if (from === undefined) return `${what} does not exist`;
  return isPlaced(from) ? undefined : `${what} has no node yet`;
}

/** The Volume that this one is a copy of, now or at an earlier time. */
function originOf({ spec }: Volume): string | undefined {
  return spec.source?.volume ?? spec.source?.snapshot?.split('/')[0];
}

function tiesOf(name: string, volume: Volume, { find }: VolumeLookup): readonly LyingVolume[] {
  // One that has a node and no disk yet was tied to it by whoever made it.
  const node = volume.spec.nodeName ?? '';
  const own = node === '' ? [] : [{ volume: name, node }];
  const origin = isPlaced(volume) ? undefined : originOf(volume);
  const there = origin === undefined ? undefined : find(origin)?.spec.nodeName;
  if (origin === undefined || there === undefined) return own;
  return [...own, { volume: origin, node: there }];
}
