/**
 * Who is where, as far as rules between instances ask: counts per selector and topology, brought up to date with each
 * placement in O(rules that mean it). Instances of equal labels are one class; a selector is compared with classes,
 * never with instances.
 */
import type { NodeRecord, PeerTerm, PlacementRequest } from '../request.ts';
import { DomainCounts } from './domain-counts.ts';
import { type Peer, type PeerSelector, selects } from './peer-selector.ts';
import { coarseMax, noDomain, Topology } from './topology.ts';

/** Counts kept for requests; the one not asked for longest is forgotten. */
const tablesMax = 4096;
/** Classes without instances are swept out when there are so many classes. */
const classesMin = 4096;

/** Which nodes belong to a topology's domains; equal keys mean equal answers. */
export interface NodeFilter {
  readonly key: string;
  readonly counts: (node: NodeRecord) => boolean;
}

/** What placed instances say about others: rules bind both sides. */
export interface Held {
  readonly id: number;
  readonly selectors: readonly PeerSelector[];
  /** Undefined: nobody who is meant may come. Else a wish's weight. */
  readonly weight: number | undefined;
  /** Of those who hold it. */
  readonly counts: DomainCounts;
}

interface HeldEntry extends Held {
  readonly key: string;
  readonly topologyName: string;
  holders: number;
  /** Those of them that it does not mean, or not for sure. */
  strangers: number;
}

interface Table {
  readonly key: string;
  readonly selectors: readonly PeerSelector[];
  readonly topologyName: string;
  readonly counts: DomainCounts;
}

interface PeerClass {
  readonly peer: Peer;
  /** How many are placed, on whatever node. */
  placed: number;
  readonly nodes: Map<number, number>;
  readonly tables: Set<Table>;
  readonly held: Set<HeldEntry>;
}

/** What one placed instance is counted as. */
export interface Seat {
  readonly peerClass: PeerClass | undefined;
  readonly holds: readonly HeldEntry[];
}

type Speaker = Pick<PlacementRequest, 'peer' | 'peerRules'>;

export interface PeersOptions {
  /** All nodes, by index. */
  readonly nodes: () => Iterable<readonly [index: number, node: NodeRecord]>;
  /** A node of a topology of many domains is to be asked again. */
  readonly touch: (index: number) => void;
  /** Every node is to be asked again. */
  readonly renew: () => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #topologies = new Map<string, { readonly topology: Topology; uses: number }>();
  /** In order of last use. */
  readonly #tables = new Map<string, Table>();
  readonly #held = new Map<string, HeldEntry>();
  readonly #classes = new Map<string, PeerClass>();
  #classesMax = classesMin;
  /** Equal instances come in a row. */
  #last: PeerClass | undefined;
  readonly #namespaces = new Map<string, Readonly<Record<string, string>>>();
  #namespacesVersion = 0;
  #nextId = 1;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** How many that all `selectors` mean each domain has; kept up to date until it is forgotten, see `#tables`. */
  counts({ selectors, topologyKey }: PeerTerm, filter?: NodeFilter): DomainCounts {
    const topologyName = JSON.stringify([topologyKey, filter?.key]);
    const key = JSON.stringify([selectors, topologyName]);
    const known = this.#tables.get(key);
    const table = known ?? this.#newTable(key, topologyName, selectors, topologyKey, filter);
    this.#tables.delete(key);
    this.#tables.set(key, table);
    return table.counts;
  }

  /**
   * Rules of what is placed that mean the request. Not those that it has itself, while all who hold one are meant by it:
   * whoever holds it is then in its own way already.
   */
  heldAgainst({ peer, peerRules }: Speaker): readonly Held[] {
    if (peer === undefined || this.#held.size === 0) return [];
    const held = [...this.#classOf(peer).held];
    if (held.length === 0 || peerRules === undefined) return held;
    const own = new Set(peerRules.away.map((term) => heldKey(term, undefined)));
    return held.filter(({ key, strangers }) => strangers > 0 || !own.has(key));
  }

  /** Whether the selectors mean the instance itself. */
  meansItself(selectors: readonly PeerSelector[], peer: Peer | undefined): boolean {
    return peer !== undefined && selects(selectors, peer, this.#namespaces);
  }

  /** Empty when nothing about others concerns the request; else equal for requests of a class that others treat alike. */
  signature(request: Speaker): string {
    const { peer, peerRules } = request;
    if (peerRules === undefined && this.#held.size === 0) return '';
    const held = this.heldAgainst(request)
      .map(({ id }) => id)
      .join(' ');
    if (peerRules === undefined) return held;
    const selves = [...peerRules.near, ...peerRules.spread].map(({ selectors }) =>
      this.meansItself(selectors, peer) ? '1' : '0',
    );
    return `${held} / ${selves.join('')} / ${this.#namespacesVersion}`;
  }

  /** Undefined for what neither has nor heeds rules; give it to `leave` when the instance goes. */
  enter({ peer, peerRules }: Speaker): Seat | undefined {
    if (peer === undefined && peerRules === undefined) return undefined;
    const peerClass = peer === undefined ? undefined : this.#classOf(peer);
    if (peerClass !== undefined) peerClass.placed += 1;
    const holds: HeldEntry[] = [];
    for (const term of peerRules?.away ?? []) holds.push(this.#hold(term, undefined, peer));
    for (const wish of peerRules?.wishes ?? []) holds.push(this.#hold(wish, wish.weight, peer));
    return { peerClass, holds };
  }

  leave({ peerClass, holds }: Seat): void {
    if (peerClass !== undefined) peerClass.placed -= 1;
    for (const held of holds) {
      held.holders -= 1;
      if (this.#isStranger(held.selectors, peerClass?.peer)) held.strangers -= 1;
      if (held.holders > 0) continue;
      this.#held.delete(held.key);
      this.#releaseTopology(held.topologyName);
      for (const each of this.#classes.values()) each.held.delete(held);
    }
  }

  /** Counts an instance on a node, or with -1 no more. */
  count({ peerClass, holds }: Seat, index: number, by: 1 | -1): void {
    if (peerClass !== undefined) {
      const left = (peerClass.nodes.get(index) ?? 0) + by;
      if (left > 0) peerClass.nodes.set(index, left);
      else peerClass.nodes.delete(index);
      for (const { counts } of peerClass.tables) this.#add(counts, index, by);
    }
    for (const { counts } of holds) this.#add(counts, index, by);
  }

  /** Takes a node as it is now, undefined when it is gone; nothing may be counted on it at that time. */
  setNode(index: number, node: NodeRecord | undefined): void {
    for (const { topology } of this.#topologies.values()) {
      topology.setNode(index, node);
      this.#coarsen(topology);
    }
  }

  /** Takes a namespace's labels; undefined when it is gone. True when that could change a decision. */
  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): boolean {
    if (JSON.stringify(this.#namespaces.get(name)) === JSON.stringify(labels)) return false;
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    this.#namespacesVersion += 1;
    for (const peerClass of this.#classes.values()) {
      if (peerClass.peer.namespace === name) this.#reselect(peerClass);
    }
    this.#options.renew();
    return true;
  }

  /** From now on the topology's changes are told to its nodes. */
  refine(topology: Topology): void {
    if (!topology.isCoarse) return;
    topology.makeFine();
    this.#options.renew();
  }

  #coarsen(topology: Topology): void {
    if (topology.size > coarseMax) this.refine(topology);
  }

  #add(counts: DomainCounts, index: number, by: number): void {
    const { topology } = counts;
    const domain = counts.add(index, by);
    if (domain === noDomain || topology.isCoarse) return;
    for (const node of topology.nodesOf(domain)) if (node !== index) this.#options.touch(node);
  }

  #newTable(
    key: string,
    topologyName: string,
    selectors: readonly PeerSelector[],
    topologyKey: string,
    filter: NodeFilter | undefined,
  ): Table {
    const topology = this.#useTopology(topologyName, topologyKey, filter);
    const counts = new DomainCounts(topology);
    const table: Table = { key, selectors, topologyName, counts };
    for (const peerClass of this.#classes.values()) this.#enrol(table, peerClass);
    for (const [oldest, old] of this.#tables) {
      if (this.#tables.size < tablesMax) break;
      this.#tables.delete(oldest);
      this.#releaseTopology(old.topologyName);
      for (const each of this.#classes.values()) each.tables.delete(old);
      this.#options.renew(); // Whoever asks these counts must get new ones.
    }
    return table;
  }

  #enrol(table: Table, peerClass: PeerClass): void {
    if (!selects(table.selectors, peerClass.peer, this.#namespaces)) return;
    peerClass.tables.add(table);
    for (const [index, count] of peerClass.nodes) this.#add(table.counts, index, count);
  }

  /** The labels of its namespace have changed. */
  #reselect(peerClass: PeerClass): void {
    for (const table of this.#tables.values()) {
      const means = selects(table.selectors, peerClass.peer, this.#namespaces);
      if (means === peerClass.tables.has(table)) continue;
      if (means) {
        this.#enrol(table, peerClass);
        continue;
      }
      peerClass.tables.delete(table);
      for (const [index, count] of peerClass.nodes) this.#add(table.counts, index, -count);
    }
    for (const held of this.#held.values()) {
      if (selects(held.selectors, peerClass.peer, this.#namespaces)) peerClass.held.add(held);
      else peerClass.held.delete(held);
    }
  }

  #hold(term: PeerTerm, weight: number | undefined, holder: Peer | undefined): HeldEntry {
    const key = heldKey(term, weight);
    const held = this.#held.get(key) ?? this.#newHeld(key, term, weight);
    held.holders += 1;
    if (this.#isStranger(term.selectors, holder)) held.strangers += 1;
    return held;
  }

  /** Whom a rule of its own means can change where that goes by labels of namespaces: it counts as one, then. */
  #isStranger(selectors: readonly PeerSelector[], holder: Peer | undefined): boolean {
    const goesByLabels = selectors.some(({ namespaceLabels }) => namespaceLabels !== undefined);
    return goesByLabels || !this.meansItself(selectors, holder);
  }

  #newHeld(key: string, { selectors, topologyKey }: PeerTerm, weight: number | undefined) {
    const topologyName = JSON.stringify([topologyKey, undefined]);
    const counts = new DomainCounts(this.#useTopology(topologyName, topologyKey, undefined));
    const id = this.#nextId;
    this.#nextId += 1;
    const about = { id, key, selectors, weight, topologyName, counts };
    const held: HeldEntry = { ...about, holders: 0, strangers: 0 };
    this.#held.set(key, held);
    for (const peerClass of this.#classes.values()) {
      if (selects(selectors, peerClass.peer, this.#namespaces)) peerClass.held.add(held);
    }
    return held;
  }

  #classOf(peer: Peer): PeerClass {
    if (this.#last === undefined || !isSamePeer(this.#last.peer, peer)) {
      this.#last = this.#findClass(peer);
    }
    return this.#last;
  }

  #findClass(peer: Peer): PeerClass {
    const { namespace, owner, labels } = peer;
    const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([namespace, owner, entries]);
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const all = { peer, placed: 0, nodes: new Map(), tables: new Set<Table>() };
    const peerClass: PeerClass = { ...all, held: new Set() };
    for (const table of this.#tables.values()) this.#enrol(table, peerClass);
    for (const held of this.#held.values()) {
      if (selects(held.selectors, peer, this.#namespaces)) peerClass.held.add(held);
    }
    if (this.#classes.size >= this.#classesMax) this.#sweep();
    this.#classes.set(key, peerClass);
    return peerClass;
  }

  #sweep(): void {
    this.#last = undefined;
    for (const [key, { placed }] of this.#classes) if (placed === 0) this.#classes.delete(key);
    this.#classesMax = Math.max(classesMin, 2 * this.#classes.size);
  }

  #useTopology(name: string, key: string, filter: NodeFilter | undefined): Topology {
    const known = this.#topologies.get(name);
    if (known !== undefined) {
      known.uses += 1;
      return known.topology;
    }
    const topology = new Topology(key, filter?.counts ?? (() => true));
    for (const [index, node] of this.#options.nodes()) topology.setNode(index, node);
    if (topology.size > coarseMax) topology.makeFine();
    this.#topologies.set(name, { topology, uses: 1 });
    return topology;
  }

  #releaseTopology(name: string): void {
    const known = this.#topologies.get(name);
    if (known === undefined) return;
    known.uses -= 1;
    if (known.uses === 0) this.#topologies.delete(name);
  }
}

function isSamePeer(a: Peer, b: Peer): boolean {
  if (a.namespace !== b.namespace || a.owner !== b.owner) return false;
  const keys = Object.keys(a.labels);
  if (keys.length !== Object.keys(b.labels).length) return false;
  return keys.every((key) => a.labels[key] === b.labels[key]);
}

function heldKey({ selectors, topologyKey }: PeerTerm, weight: number | undefined): string {
  return JSON.stringify([selectors, topologyKey, weight]);
}
