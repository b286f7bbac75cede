import type { DomainCounts } from '../engine/peers/domain-counts.ts';
import { noDomain } from '../engine/peers/topology.ts';
import type { DomainConstraint, DomainRule } from './constraint.ts';

/** The largest weight of a wish: met or not, it weighs as much as one soft taint. */
const weightMax = 100;

/**
 * Preferred pod affinity and anti-affinity, of the request and of what is placed. The more there are in a place the
 * more it is liked or disliked, each one less than the one before.
 */
export const podWishes: DomainConstraint = {
  name: 'podWishes',
  rulesOf: (request, peers) => {
    const own = (request.peerRules?.wishes ?? []).map((term) =>
      wish(peers.counts(term), term.weight),
    );
    const held = peers.heldAgainst(request);
    const others = held.flatMap(({ weight, counts }) =>
      weight === undefined ? [] : [wish(counts, weight)],
    );
    return [...own, ...others];
  },
};

function wish(counts: DomainCounts, weight: number): DomainRule {
  const part = Math.abs(weight) / weightMax;
  return {
    topology: counts.topology,
    dislike: (domain) => {
      const pods = domain === noDomain ? 0 : counts.of(domain);
      return part * (weight > 0 ? 1 / (1 + pods) : pods / (1 + pods));
    },
    common: () => 0,
    refuse: () => undefined,
  };
}
