import type { Strategy } from './strategy.ts';

/** Best fit: the node that is fullest afterwards. */
export const pack: Strategy = {
  name: 'Pack',
  readsRoom: false,
  cost: ({ fill }) => 1 - fill,
};
