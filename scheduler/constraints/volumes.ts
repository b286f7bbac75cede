import { lies } from '../engine/volume-claims.ts';
import type { NodeConstraint } from './constraint.ts';

/** Whoever uses a Volume goes where it lies. */
export const volumes: NodeConstraint = {
  type: 'node',
  name: 'volumes',
  applies: ({ volumesOn = [] }) => volumesOn.length > 0,
  refuse: ({ volumesOn = [] }, { name }) => {
    const elsewhere = volumesOn.find(({ node }) => node !== name);
    if (elsewhere === undefined) return undefined;
    const reason = `node(s) were another one: ${lies(elsewhere)}`;
    return {
      type: 'rule',
      rule: 'volumes',
      reason,
      changes: [{ type: 'volume', ...elsewhere }],
    };
  },
};
