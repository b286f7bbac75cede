import type { DomainCounts } from '../engine/peers/domain-counts.ts';
import { noDomain } from '../engine/peers/topology.ts';
import { refused } from '../engine/verdict.ts';
import type { DomainConstraint, DomainRule } from './constraint.ts';

/**
 * Required pod anti-affinity, of the request and of what is placed: neither may come where the other is.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes"; pkg/scheduler/framework/plugins/interpodaffinity.
 */
export const podAntiAffinity: DomainConstraint = {
  name: 'podAntiAffinity',
  rulesOf: (request, peers) => {
    const own = (request.peerRules?.away ?? []).map((term) =>
      away(peers.counts(term), "node(s) didn't match pod anti-affinity rules"),
    );
    const held = peers.heldAgainst(request);
    const others = held
      .filter(({ weight }) => weight === undefined)
      .map(({ counts }) =>
        away(counts, "node(s) didn't satisfy existing pods anti-affinity rules"),
      );
    return [...own, ...others];
  },
};

function away(counts: DomainCounts, reason: string): DomainRule {
  const { topology } = counts;
  const inTheWay = (domain: number) => (domain === noDomain ? 0 : counts.of(domain));
  return {
    topology,
    refusesFew: true,
    dislike: (domain) => (inTheWay(domain) > 0 ? refused : 0),
    common: () => 0,
    refuse: (domain) => {
      const pods = inTheWay(domain);
      if (pods === 0) return undefined;
      const place = { topologyKey: topology.key, domain: topology.valueOf(domain) };
      const changes = [{ type: 'podAntiAffinity', pods, ...place } as const];
      return { type: 'rule', rule: 'podAntiAffinity', reason, changes };
    },
  };
}
