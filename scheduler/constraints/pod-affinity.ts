import { noDomain } from '../engine/peers/topology.ts';
import type { Refusal } from '../engine/reasons.ts';
import { refused } from '../engine/verdict.ts';
import type { DomainConstraint, DomainRule } from './constraint.ts';

/**
 * Required pod affinity: the place must have an instance that is meant. The first of a group that means itself may go
 * anywhere that has the label.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes"; pkg/scheduler/framework/plugins/interpodaffinity.
 */
export const podAffinity: DomainConstraint = {
  name: 'podAffinity',
  rulesOf: ({ peer, peerRules }, peers) => {
    const terms = peerRules?.near ?? [];
    const all = terms.map((term) => peers.counts(term));
    const meansItself = terms.every(({ selectors }) => peers.meansItself(selectors, peer));
    const isFirst = () => meansItself && all.every(({ total }) => total === 0);
    return all.map((counts): DomainRule => {
      const { topology } = counts;
      const isMet = (domain: number) => domain !== noDomain && (counts.of(domain) > 0 || isFirst());
      const refuse = (domain: number): Refusal | undefined => {
        if (isMet(domain)) return undefined;
        return {
          type: 'rule',
          rule: 'podAffinity',
          reason: "node(s) didn't match pod affinity rules",
          changes: [
            domain === noDomain
              ? { type: 'topologyLabel', label: topology.key }
              : {
                  type: 'podAffinity',
                  topologyKey: topology.key,
                  domain: topology.valueOf(domain),
                },
          ],
        };
      };
      return {
        topology,
        dislike: (domain) => (isMet(domain) ? 0 : refused),
        common: () => (isFirst() ? 1 : 0),
        refuse,
      };
    });
  },
};
