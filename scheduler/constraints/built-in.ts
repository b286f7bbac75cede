import type {
  Constraint,
  DomainConstraint,
  NodeConstraint,
  TraitConstraint,
} from './constraint.ts';
import { cordon } from './cordon.ts';
import { maxPerNode } from './max-per-node.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeSelector } from './node-selector.ts';
import { podAffinity } from './pod-affinity.ts';
import { podAntiAffinity } from './pod-anti-affinity.ts';
import { podWishes } from './pod-wishes.ts';
import { poolReach } from './pool-reach.ts';
import { ready } from './ready.ts';
import { runtime } from './runtime.ts';
import { taints } from './taints.ts';
import { topologySpread } from './topology-spread.ts';
import { volumes } from './volumes.ts';

/** Every constraint, in the order of reasons. */
const builtInConstraints: readonly Constraint[] = [
  ready,
  cordon,
  taints,
  runtime,
  nodeSelector,
  nodeAffinity,
  poolReach,
  volumes,
  maxPerNode,
];

export const traitConstraints = builtInConstraints.filter(
  (constraint): constraint is TraitConstraint => constraint.type === 'traits',
);

export const nodeConstraints = builtInConstraints.filter(
  (constraint): constraint is NodeConstraint => constraint.type === 'node',
);

/** As above. */
export const domainConstraints: readonly DomainConstraint[] = [
  podAffinity,
  podAntiAffinity,
  topologySpread,
  podWishes,
];
