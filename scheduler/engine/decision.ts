import type { Reasons } from './reasons.ts';
import type { Allocation } from './request.ts';

/** What the engine answers. */
export type Decision = Placed | { readonly type: 'refused'; readonly reasons: Reasons };

export interface Placed {
  readonly type: 'placed';
  readonly node: string;
  readonly allocation: Allocation;
}
