/** What a node answers about something that runs on it without Berth. */
import type { Pod } from './kinds.gen.ts';

export interface AdoptablePod {
  /** That would stand for it; bound to its node, and without a namespace. */
  readonly pod: Pod;
  /** In a sentence each: what it has and no pod can say. */
  readonly lacking: readonly string[];
}
