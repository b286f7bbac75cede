import { tolerates } from '../../api/node-fit.ts';
import type { DomainCounts } from '../engine/peers/domain-counts.ts';
import type { NodeFilter } from '../engine/peers/peers.ts';
import { noDomain } from '../engine/peers/topology.ts';
import type { Refusal } from '../engine/reasons.ts';
import type { NodeRecord, PlacementRequest, SpreadRule } from '../engine/request.ts';
import { refused } from '../engine/verdict.ts';
import type { DomainConstraint, DomainRule } from './constraint.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeSelector } from './node-selector.ts';

/** One instance more in a place, as a dislike: evenness yields to soft taints, and is before the strategy. */
const perInstance = 1 / 1024;

/**
 * How evenly instances are laid out over places. Required: a place may have at most `maxSkew` more than the emptiest.
 * Source: Kubernetes documentation, "Pod Topology Spread Constraints".
 */
export const topologySpread: DomainConstraint = {
  name: 'topologySpread',
  rulesOf: (request, peers) =>
    (request.peerRules?.spread ?? []).map((rule): DomainRule => {
      const counts = peers.counts(rule, filterOf(request, rule));
      if (!rule.required) return preferred(counts);
      return required(counts, rule, peers.meansItself(rule.selectors, request.peer) ? 1 : 0);
    }),
};

function preferred(counts: DomainCounts): DomainRule {
  return {
    topology: counts.topology,
    dislike: (domain) => (domain === noDomain ? 1 : perInstance * counts.of(domain)),
    common: () => 0,
    refuse: () => undefined,
  };
}

function required(counts: DomainCounts, rule: SpreadRule, itself: 0 | 1): DomainRule {
  const { topology } = counts;
  const fewest = () => (topology.size < rule.minDomains ? 0 : counts.fewest());
  const skewAt = (domain: number) => counts.of(domain) + itself - fewest();
  const refuse = (domain: number): Refusal | undefined => {
    const reason = "node(s) didn't match pod topology spread constraints";
    if (domain === noDomain) {
      const changes = [{ type: 'topologyLabel', label: topology.key } as const];
      const missing = `${reason} (missing required label)`;
      return { type: 'rule', rule: 'topologySpread', reason: missing, changes };
    }
    const maxSkew = skewAt(domain);
    if (maxSkew <= rule.maxSkew) return undefined;
    const place = { topologyKey: topology.key, domain: topology.valueOf(domain) };
    const changes = [{ type: 'maxSkew', maxSkew, ...place } as const];
    return { type: 'rule', rule: 'topologySpread', reason, changes };
  };
  return {
    topology,
    dislike: (domain) => (domain === noDomain || skewAt(domain) > rule.maxSkew ? refused : 0),
    common: fewest,
    refuse,
  };
}

/** Which nodes' instances are counted: those that have the labels of all rules of the kind, and meet the policies. */
function filterOf(request: PlacementRequest, rule: SpreadRule): NodeFilter {
  const spread = request.peerRules?.spread ?? [];
  const keys = spread
    .filter(({ required: other }) => other === rule.required)
    .map(({ topologyKey }) => topologyKey)
    .sort();
  const { nodeSelector: selector, nodeAffinity: affinity, tolerations } = request;
  const asksNodes = rule.honorsAffinity && (selector.length > 0 || affinity !== undefined);
  const key = JSON.stringify([
    keys,
    asksNodes ? [selector, affinity] : null,
    rule.honorsTaints ? tolerations : null,
  ]);
  const counts = (node: NodeRecord) =>
    keys.every((label) => node.labels[label] !== undefined) &&
    (!asksNodes || isAllowed(request, node)) &&
    (!rule.honorsTaints || isTolerated(request, node));
  return { key, counts };
}

function isAllowed(request: PlacementRequest, { name, labels }: NodeRecord): boolean {
  const facts = { name, labels, ownerCount: 0 };
  return (
    nodeSelector.refuse(request, facts) === undefined &&
    nodeAffinity.refuse(request, facts) === undefined
  );
}

function isTolerated({ tolerations }: PlacementRequest, { traits }: NodeRecord): boolean {
  return traits.taints.every(
    (taint) =>
      taint.effect === 'PreferNoSchedule' ||
      tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}
