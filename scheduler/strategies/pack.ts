import type { Strategy } from './strategy.ts';

/** Best fit: the node that is fullest afterwards. */
export const pack: Strategy = {
  name: 'Pack',
  readsRoom: false,
  order: { by: 'mostUsed', fewestOfOwner: false },
  cost: ({ fill }) => 1 - fill,
};
