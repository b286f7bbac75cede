import type { NodeConstraint } from './constraint.ts';

/** Every label of `nodeSelector` must be on the node. */
export const nodeSelector: NodeConstraint = {
  type: 'node',
  name: 'nodeSelector',
  applies: (request) => request.nodeSelector.length > 0,
  refuse: (request, { labels }) => {
    let changes: { type: 'label'; label: string; value: string }[] | undefined;
    for (const [label, value] of request.nodeSelector) {
      if (labels[label] === value) continue;
      changes ??= [];
      changes.push({ type: 'label', label, value });
    }
    if (changes === undefined) return undefined;
    return {
      type: 'rule',
      rule: 'nodeSelector',
      reason: "node(s) didn't match Pod's node affinity/selector",
      changes,
    };
  },
};
