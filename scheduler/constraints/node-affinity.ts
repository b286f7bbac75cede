import type { LabelRequirement } from '../../api/label-selector.ts';
import { unmetOf } from '../../api/node-fit.ts';
import type { NodeConstraint } from './constraint.ts';

/**
 * One of the terms of the required node affinity must hold; a term without conditions holds nowhere. Of the preferred
 * ones the weights that are not met are a dislike: all of them together weigh as much as one soft taint.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes".
 */
export const nodeAffinity: NodeConstraint = {
  type: 'node',
  name: 'nodeAffinity',
  applies: ({ nodeAffinity: terms, nodeWishes }) => terms !== undefined || nodeWishes !== undefined,
  refuse: ({ nodeAffinity: terms }, node) => {
    if (terms === undefined) return undefined;
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
  dislike: ({ nodeWishes = [] }, node) => {
    let total = 0;
    let unmet = 0;
    for (const wish of nodeWishes) {
      total += wish.weight;
      if (unmetOf(wish, node).length > 0) unmet += wish.weight;
    }
    return total === 0 ? 0 : unmet / total;
  },
};
