import type { NodeConstraint } from './constraint.ts';

/** No node gets more instances of one owner than the owner allows. */
export const maxPerNode: NodeConstraint = {
  type: 'node',
  name: 'maxPerNode',
  applies: (request) => request.maxPerNode !== undefined && request.owner !== undefined,
  refuse: ({ maxPerNode: most = Number.POSITIVE_INFINITY }, { ownerCount }) =>
    ownerCount < most
      ? undefined
      : {
          type: 'rule',
          rule: 'maxPerNode',
          reason: `node(s) already had ${most} of this workload`,
          changes: [{ type: 'maxPerNode', maxPerNode: ownerCount + 1 }],
        },
};
