/**
 * Nodes grouped by the value of one label: zones, racks, or single nodes. Values are numbered, so that counts of them
 * are kept under numbers.
 */
import type { NodeRecord } from '../request.ts';

/** Of a node that is in no domain: it lacks the label, or is not counted. */
export const noDomain = -1;

/** With more domains than this, a change of one is told to its nodes; with fewer, domains are asked at each decision. */
export const coarseMax = 64;

export class Topology {
  readonly key: string;
  readonly #counts: (node: NodeRecord) => boolean;
  readonly #ids = new Map<string, number>();
  readonly #values: string[] = [];
  /** By domain: its nodes, by index. */
  readonly #nodes: Set<number>[] = [];
  readonly #vacant: number[] = [];
  #domainOf = new Int32Array(16).fill(noDomain);
  #coarse = true;

  /** `counts` says which nodes belong to a domain, besides that they have the label. */
  constructor(key: string, counts: (node: NodeRecord) => boolean) {
    this.key = key;
    this.#counts = counts;
  }

  /** How many domains have a node. */
  get size(): number {
    return this.#ids.size;
  }

  /** Whether there are so few domains that each is asked about at each decision. Once false it stays so. */
  get isCoarse(): boolean {
    return this.#coarse;
  }

  makeFine(): void {
    this.#coarse = false;
  }

  domainOf(index: number): number {
    return this.#domainOf[index] ?? noDomain;
  }

  valueOf(domain: number): string {
    return this.#values[domain] ?? '';
  }

  nodesOf(domain: number): ReadonlySet<number> {
    return this.#nodes[domain] ?? empty;
  }

  /** A node as it is now; undefined when it is gone. No instance on it may be counted at that time. */
  setNode(index: number, node: NodeRecord | undefined): void {
    const before = this.domainOf(index);
    const value = node !== undefined && this.#counts(node) ? node.labels[this.key] : undefined;
    if (before !== noDomain) {
      if (value === this.#values[before]) return;
      this.#leave(before, index);
    }
    this.#note(index, value === undefined ? noDomain : this.#enter(value, index));
  }

  #enter(value: string, index: number): number {
    const domain = this.#ids.get(value) ?? this.#vacant.pop() ?? this.#values.length;
    this.#ids.set(value, domain);
    this.#values[domain] = value;
    const nodes = this.#nodes[domain] ?? new Set();
    nodes.add(index);
    this.#nodes[domain] = nodes;
    return domain;
  }

  #leave(domain: number, index: number): void {
    const nodes = this.#nodes[domain];
    nodes?.delete(index);
    if (nodes === undefined || nodes.size > 0) return;
    this.#ids.delete(this.valueOf(domain));
    this.#vacant.push(domain);
  }

  #note(index: number, domain: number): void {
    if (index >= this.#domainOf.length) {
      const longer = new Int32Array(Math.max(index + 1, 2 * this.#domainOf.length)).fill(noDomain);
      longer.set(this.#domainOf);
      this.#domainOf = longer;
    }
    this.#domainOf[index] = domain;
  }
}

const empty: ReadonlySet<number> = new Set();
