import { compareKeys } from './keys.ts';
import type { Change, ChangeSet } from './store.ts';

/** The set with its changes in the order of their keys' bytes. */
export function inKeyOrder(set: ChangeSet): ChangeSet {
  if (set.changes.length < 2) return set;
  return { ...set, changes: [...set.changes].sort((a, b) => compareKeys(keyOf(a), keyOf(b))) };
}

function keyOf(change: Change): string {
  return change.type === 'put' ? change.entry.key : change.key;
}
