import type { Strategy } from './strategy.ts';

/** The node with the fewest instances of the same owner, among them the least used. */
export const spread: Strategy = {
  name: 'Spread',
  readsRoom: false,
  order: { by: 'leastUsed', fewestOfOwner: true },
  cost: ({ ownerCount, fill }) => ownerCount + fill / 2,
};
