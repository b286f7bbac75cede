import type { Strategy } from './strategy.ts';

/** The node that is least used afterwards, whoever its instances belong to. */
export const global: Strategy = {
  name: 'Global',
  readsRoom: false,
  order: { by: 'leastUsed', fewestOfOwner: false },
  cost: ({ fill }) => fill,
};
