/** How many instances the domains of a topology have, with the fewest among them kept at hand. */
import { noDomain, type Topology } from './topology.ts';

export class DomainCounts {
  readonly topology: Topology;
  /** Only domains that have any. */
  readonly #counts = new Map<number, number>();
  /** How many domains have so many, from one on. */
  readonly #domainsWith = new Map<number, number>();
  #total = 0;
  #fewest = 0;

  constructor(topology: Topology) {
    this.topology = topology;
  }

  /** Over all domains. */
  get total(): number {
    return this.#total;
  }

  of(domain: number): number {
    return this.#counts.get(domain) ?? 0;
  }

  /** The smallest count of a domain; 0 where there is none. */
  fewest(): number {
    if (this.#counts.size < this.topology.size || this.#counts.size === 0) return 0;
    // As a rule it is as before or the next; else some domain has come or gone.
    if (this.#domainsWith.has(this.#fewest)) return this.#fewest;
    this.#fewest = [...this.#domainsWith.keys()].reduce((a, b) => Math.min(a, b));
    return this.#fewest;
  }

  /** `by` more on a node, or fewer when negative; returns the domain, `noDomain` when the node is not counted. */
  add(index: number, by: number): number {
    const domain = this.topology.domainOf(index);
    if (domain === noDomain || by === 0) return noDomain;
    const before = this.of(domain);
    const after = before + by;
    this.#total += by;
    if (after > 0) this.#counts.set(domain, after);
    else this.#counts.delete(domain);
    this.#shift(before, -1);
    this.#shift(after, 1);
    if (after < this.#fewest) this.#fewest = after;
    return domain;
  }

  #shift(count: number, by: 1 | -1): void {
    if (count <= 0) return;
    const domains = (this.#domainsWith.get(count) ?? 0) + by;
    if (domains > 0) this.#domainsWith.set(count, domains);
    else this.#domainsWith.delete(count);
  }
}
