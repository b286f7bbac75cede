/** Why something does not fit: as data, and in one line for people. */

import type { LabelRequirement } from '../../api/label-selector.ts';

/** Too little of a dimension. */
export interface Shortage {
  readonly type: 'shortage';
  readonly dimension: string;
  readonly resource: string;
  /** `Insufficient cpu`. */
  readonly reason: string;
  /** In the resource's smallest unit. */
  readonly asked: number;
  readonly free: number;
  /** The smallest change: with so much more free it fits, with any less it does not. */
  readonly missing: number;
  /** What the node has in all, where that is known; nobody can free more. */
  readonly capacity?: number;
  /** The same for people. */
  readonly text: {
    readonly asked: string;
    readonly free: string;
    readonly missing?: string;
    readonly capacity?: string;
  };
  /** How a person takes it away, where it is not "lower it by so much, or free so much": `use another port`. */
  readonly remedy?: string;
}

/** A rule that the node does not meet. */
export interface Refusal {
  readonly type: 'rule';
  readonly rule: string;
  /** `node(s) were unschedulable`. */
  readonly reason: string;
  /** The smallest changes, all of them needed. */
  readonly changes: readonly Change[];
}

/** One thing to change, on the node or in the request. */
export type Change =
  | { readonly type: 'label'; readonly label: string; readonly value: string }
  | ({ readonly type: 'nodeAffinity' } & LabelRequirement)
  | {
      readonly type: 'untaint';
      readonly key: string;
      readonly value: string;
      readonly effect: string;
    }
  | { readonly type: 'uncordon' }
  | { readonly type: 'ready' }
  | { readonly type: 'runtime'; readonly runtime: string }
  | { readonly type: 'volume'; readonly volume: string; readonly node: string }
  | { readonly type: 'maxPerNode'; readonly maxPerNode: number }
  /** The node needs a value of the label, whatever it is. */
  | { readonly type: 'topologyLabel'; readonly label: string }
  /** An instance that is meant must be in the place. */
  | ({ readonly type: 'podAffinity' } & Place)
  /** So many instances must leave the place. */
  | ({ readonly type: 'podAntiAffinity'; readonly pods: number } & Place)
  | ({ readonly type: 'maxSkew'; readonly maxSkew: number } & Place);

/** All nodes with one value of a label. */
export interface Place {
  readonly topologyKey: string;
  readonly domain: string;
}

export type Obstacle = Shortage | Refusal;

/** Nodes that are refused for the same set of reasons. */
export interface NodeClass {
  readonly nodes: number;
  /** The node of the class that is nearest to fitting; the obstacles are its. */
  readonly nearest: string;
  readonly obstacles: readonly Obstacle[];
}

export interface Reasons {
  /** How many nodes there are. */
  readonly nodes: number;
  /** Set when no single node is to blame: `strategy Each: 1 of 2 nodes have room for 2, 2 are needed`. */
  readonly request?: string;
  /** Every node is in exactly one class; the largest comes first. */
  readonly classes: readonly NodeClass[];
}

/** `0/3 nodes are available: 2 Insufficient cpu (asked 4, at most 1.2 free on n1), 1 node(s) were unschedulable.` */
export function messageOf(reasons: Reasons): string {
  if (reasons.nodes === 0) return reasons.request ?? 'no nodes available to schedule pods';
  if (reasons.request !== undefined && reasons.classes.length === 0) return reasons.request;
  const parts = reasons.classes.map((nodeClass) => {
    const texts = nodeClass.obstacles.map((obstacle) => textOf(obstacle, nodeClass));
    return `${nodeClass.nodes} ${texts.join(' and ')}`;
  });
  if (reasons.request !== undefined) return `${reasons.request}: ${parts.join(', ')}.`;
  return `0/${reasons.nodes} nodes are available: ${parts.join(', ')}.`;
}

function textOf(obstacle: Obstacle, { obstacles, nearest }: NodeClass): string {
  if (obstacle.type === 'rule') return obstacle.reason;
  const { asked, free } = obstacle.text;
  // The nearest node is sure to have the most only where no second shortage decides what is near.
  const alone = obstacles.filter((other) => other.type === 'shortage').length === 1;
  return `${obstacle.reason} (asked ${asked}, ${alone ? 'at most ' : ''}${free} free on ${nearest})`;
}
