import type { NodeConstraint } from './constraint.ts';

/** The node must reach the segment of every pool that the instance has an address of. */
export const poolReach: NodeConstraint = {
  type: 'node',
  name: 'poolReach',
  applies: ({ pools }) => pools !== undefined,
  refuse: ({ pools = [] }, { labels }) => {
    const far = pools.filter(({ nodeSelector }) =>
      nodeSelector.some(([label, value]) => labels[label] !== value),
    );
    if (far.length === 0) return undefined;
    const changes = far
      .flatMap(({ nodeSelector }) => nodeSelector)
      .filter(([label, value]) => labels[label] !== value)
      .map(([label, value]) => ({ type: 'label', label, value }) as const);
    const names = far.map(({ name }) => name).join(', ');
    return {
      type: 'rule',
      rule: 'poolReach',
      reason: `node(s) don't reach ippool ${names}`,
      changes,
    };
  },
};
