/** Rules about nodes that are no amounts. */

import type { Peers } from '../engine/peers/peers.ts';
import type { Topology } from '../engine/peers/topology.ts';
import type { Refusal } from '../engine/reasons.ts';
import type { NodeTraits, PlacementRequest } from '../engine/request.ts';

export type Constraint = TraitConstraint | NodeConstraint;

/** All of a request that matters to traits: requests that are equal in it are answered alike. */
export type TraitsAsker = Pick<PlacementRequest, 'runtime' | 'tolerations'>;

/** Decided by what many nodes share: asked once per set of traits, for all requests that ask alike. */
export interface TraitConstraint {
  readonly type: 'traits';
  readonly name: string;
  refuse(request: TraitsAsker, traits: NodeTraits): Refusal | undefined;
  /** How much the node is disliked where it is not refused; nodes that are disliked less come first. */
  dislike?(request: TraitsAsker, traits: NodeTraits): number;
}

/** Decided by the node itself: asked only about nodes that pass traits and scalars. */
export interface NodeConstraint {
  readonly type: 'node';
  readonly name: string;
  /** Whether the request says anything that this constraint reads. */
  applies(request: PlacementRequest): boolean;
  refuse(request: PlacementRequest, node: NodeFacts): Refusal | undefined;
  /** As a trait's; may be a fraction. */
  dislike?(request: PlacementRequest, node: NodeFacts): number;
}

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How many instances of the request's owner the node has. */
  readonly ownerCount: number;
}

/** Decided by which other instances are in the node's zone, rack, or whatever else a label names. */
export interface DomainConstraint {
  readonly name: string;
  /** Asked once per class of requests; the rules see what is placed later, too. */
  rulesOf(request: PlacementRequest, peers: Peers): readonly DomainRule[];
}

export interface DomainRule {
  readonly topology: Topology;
  /** A dislike, as a trait's; Infinity where it is refused. `domain` may be `noDomain`. */
  dislike(domain: number): number;
  /** Whether it is a matter of yes or no (a dislike of 0 or Infinity), and as a rule no to few places only. */
  readonly refusesFew?: boolean;
  /** What the answers for all domains depend on: while it is the same, a domain's answer only changes with its own count. */
  common(): number;
  /** Undefined where it is not refused. */
  refuse(domain: number): Refusal | undefined;
}
