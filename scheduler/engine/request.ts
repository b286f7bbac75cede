/** What the engine knows of a node and of something to place; plain data, free of any API kind. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { NodeTerm } from '../../api/node-fit.ts';
import type { Peer, PeerSelector } from './peers/peer-selector.ts';

/** So much of one scalar resource, in its smallest unit (milli-cpu, bytes, pieces); a whole number. */
export interface Amount {
  readonly resource: string;
  readonly amount: number;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

export interface Toleration {
  /** Absent with operator Exists: every taint. */
  readonly key?: string;
  readonly operator: 'Exists' | 'Equal';
  readonly value?: string;
  /** Absent: every effect. */
  readonly effect?: string;
}

/** A term with its weight, 1 to 100. */
export interface NodeWish extends NodeTerm {
  readonly weight: number;
}

/** What many nodes share; equal traits are one object, so a verdict about them is made once. */
export interface NodeTraits {
  readonly ready: 'True' | 'False' | 'Unknown';
  readonly unschedulable: boolean;
  readonly taints: readonly Taint[];
  readonly runtimes: readonly string[];
}

export interface NodeRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly traits: NodeTraits;
  /** What may be sold of each scalar resource. */
  readonly capacity: readonly Amount[];
  /** The model of each GPU, by its number. */
  readonly gpus?: readonly string[];
  readonly cores?: NodeCores;
  /** Where Volumes can lie; absent: nowhere. */
  readonly disks?: readonly DiskRecord[];
}

/** Operations and bytes in a second; plain data. */
export type DiskRates = {
  readonly readIops: number;
  readonly writeIops: number;
  readonly readBps: number;
  readonly writeBps: number;
};

/** A disk for Volumes. Infinite rates are not counted. */
export interface DiskRecord extends DiskRates {
  readonly name: string;
  readonly class: string;
  /** Bytes. */
  readonly size: number;
  /** What deleted Volumes left on it. */
  readonly retained: readonly { readonly uid: string; readonly size: number }[];
}

/** The cores of a node to which instances can be bound. */
export interface NodeCores {
  /** Their numbers, in order; all else speaks of positions in this list. */
  readonly ids: readonly number[];
  /** Hundredths of each that may be sold; more than 100 where the node is oversold. */
  readonly pieces: number;
  /** How many may be divided into fragments; absent: all. */
  readonly maxShared?: number;
  /** At least two, or none. */
  readonly numa: readonly NumaCores[];
}

export interface NumaCores {
  readonly id: number;
  readonly cores: readonly number[];
  /** Bytes; absent when the node does not say. */
  readonly memory?: number;
}

/** What a structured dimension is asked for; plain data, so that it can go over a wire and into a class key. */
export interface PartNeed {
  readonly dimension: string;
  readonly need: JsonValue;
}

/** A Volume by name, and the node it lies on, or will because the snapshot does that it is made from. */
export interface LyingVolume {
  readonly volume: string;
  readonly node: string;
  readonly snapshot?: string;
}

export type StrategyName = 'Spread' | 'Fill' | 'Each' | 'Global' | 'Drained' | 'Pack';

/** Other instances, and what counts as the same place as theirs: nodes with one value of the label `topologyKey`. */
export interface PeerTerm {
  /** An instance is meant that all of them select. */
  readonly selectors: readonly PeerSelector[];
  readonly topologyKey: string;
}

export interface PeerWish extends PeerTerm {
  /** 1 to 100 to be near, -1 to -100 to be away. */
  readonly weight: number;
}

/** How evenly instances are laid out over places. */
export interface SpreadRule extends PeerTerm {
  /** False: the place with the fewest is only taken first. */
  readonly required: boolean;
  readonly maxSkew: number;
  /** With fewer places than this, the emptiest counts as having none. */
  readonly minDomains: number;
  /** Whether only nodes are counted that the node selector and affinity allow, and whose taints are tolerated. */
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

/** What an instance says about others. */
export interface PeerRules {
  /** Each must have somebody in place, or be the first of all that it means. */
  readonly near: readonly PeerTerm[];
  /** None may have anybody in place, and nobody who is meant may come later. */
  readonly away: readonly PeerTerm[];
  readonly wishes: readonly PeerWish[];
  readonly spread: readonly SpreadRule[];
}

/** A pool of addresses, and the labels of the nodes that reach it. */
export interface PoolReach {
  readonly name: string;
  readonly nodeSelector: readonly (readonly [string, string])[];
}

/** So many for each node, as Each and Fill want it. */
export interface Layout {
  readonly perNode: number;
  /** How many nodes; absent: all that the rules allow. */
  readonly nodes?: number;
}

/** Everything that decides where an instance may go. */
export interface PlacementRequest {
  /** Identity of the instance: at most one placement has it. */
  readonly uid: string;
  /** Uid of what the instance belongs to; instances of one owner are spread and counted together. */
  readonly owner: string | undefined;
  /** Only what is more than zero, in order of resource name. */
  readonly amounts: readonly Amount[];
  readonly parts: readonly PartNeed[];
  readonly nodeSelector: readonly (readonly [label: string, value: string])[];
  /** One of them must hold; absent: every node will do. */
  readonly nodeAffinity?: readonly NodeTerm[];
  /** Nodes that are wished for; absent: all are as good. None is without conditions. */
  readonly nodeWishes?: readonly NodeWish[];
  /** Those of its addresses that not every node reaches. */
  readonly pools?: readonly PoolReach[];
  readonly tolerations: readonly Toleration[];
  /** Volumes that it uses and that have their place; absent: none. */
  readonly volumesOn?: readonly LyingVolume[];
  readonly runtime: string;
  readonly strategy: StrategyName;
  readonly maxPerNode: number | undefined;
  /** With strategies Each and Fill. */
  readonly layout?: Layout;
  /** What the rules of others look at; absent: none means it. */
  readonly peer?: Peer;
  readonly peerRules?: PeerRules;
  /** Equal for requests that every node answers alike: all fields but `uid` and `peer`. */
  readonly classKey: string;
}

/** The devices chosen, by structured dimension; empty when only amounts were asked for. */
export type Allocation = JsonObject;

export const noDevices: Allocation = Object.freeze({});

/** Completes a request with its class key. */
export function withClassKey(request: Omit<PlacementRequest, 'classKey'>): PlacementRequest {
  const { uid: _, peer: __, amounts, ...rest } = request;
  // Without the names of fields, which are the longest part.
  const taken = amounts.flatMap(({ resource, amount }) => [resource, amount]);
  return { ...request, classKey: theOne(JSON.stringify([taken, rest])) };
}

/** Equal keys are one string while they are kept here: long, kept with every instance, and compared all the time. */
const classKeys = new Map<string, string>();
const classKeysMax = 4096;

function theOne(key: string): string {
  const known = classKeys.get(key);
  if (known !== undefined) return known;
  if (classKeys.size >= classKeysMax) classKeys.clear();
  classKeys.set(key, key);
  return key;
}
