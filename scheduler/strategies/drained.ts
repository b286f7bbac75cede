import { maxCost, type Strategy } from './strategy.ts';

/** The node with room for the fewest, so that small remainders are used up first; among them the most used. */
export const drained: Strategy = {
  name: 'Drained',
  readsRoom: true,
  cost: ({ room, fill }) => Math.min(room, maxCost - 1) + (1 - fill) / 2,
};
