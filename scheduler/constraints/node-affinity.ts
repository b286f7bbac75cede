import { holds, type LabelRequirement } from '../../api/label-selector.ts';
import type { NodeTerm } from '../engine/request.ts';
import type { NodeConstraint, NodeFacts } from './constraint.ts';

/**
 * One of the terms of the required node affinity must hold; a term without conditions holds nowhere.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes".
 */
export const nodeAffinity: NodeConstraint = {
  type: 'node',
  name: 'nodeAffinity',
  applies: (request) => request.nodeAffinity !== undefined,
  refuse: ({ nodeAffinity: terms = [] }, node) => {
    let nearest: readonly LabelRequirement[] | undefined;
    for (const term of terms) {
      if (term.labels.length + term.fields.length === 0) continue;
      const unmet = unmetOf(term, node);
      if (unmet.length === 0) return undefined;
      if (nearest === undefined || unmet.length < nearest.length) nearest = unmet;
    }
    return {
      type: 'rule',
      rule: 'nodeAffinity',
      reason: "node(s) didn't match Pod's node affinity/selector",
      changes: (nearest ?? []).map((unmet) => ({ type: 'nodeAffinity', ...unmet })),
    };
  },
};

function unmetOf({ labels, fields }: NodeTerm, node: NodeFacts): readonly LabelRequirement[] {
  const unmet = labels.filter((requirement) => !holds(requirement, node.labels));
  if (fields.length === 0) return unmet;
  const known = { 'metadata.name': node.name };
  return [...unmet, ...fields.filter((requirement) => !holds(requirement, known))];
}
