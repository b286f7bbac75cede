import { inKeyOrder } from './change-order.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import type { WatchAnswer, WatchEvent } from './etcd-messages.ts';
import type { Change, ChangeSet, Revision } from './store.ts';

/**
 * Turns the events of one stream into whole revisions: drops what was delivered before the stream
 * began, and holds a revision back until it is certain that none of its events is missing.
 */
export class RevisionGrouper {
  readonly #keys: EtcdKeys;
  readonly #delivered: Revision;
  #held: { revision: Revision; changes: Change[] } | undefined;

  /** `delivered`: everything up to this revision is dropped. */
  constructor(keys: EtcdKeys, delivered: Revision) {
    this.#keys = keys;
    this.#delivered = delivered;
  }

  /** The revisions that this response completes, in order. */
  add({ events, fragment }: Pick<WatchAnswer, 'events' | 'fragment'>): readonly ChangeSet[] {
    const complete: ChangeSet[] = [];
    for (const event of events) {
      const revision = event.kv.modRevision;
      if (revision <= this.#delivered) continue;
      // Events come in the order of their revisions, so a later one ends the one before.
      if (this.#held !== undefined && this.#held.revision !== revision) {
        complete.push(inKeyOrder(this.#held));
        this.#held = undefined;
      }
      this.#held ??= { revision, changes: [] };
      this.#held.changes.push(this.#change(event, revision));
    }
    // etcd never spreads a revision over responses other than by fragments.
    if (!fragment && this.#held !== undefined) {
      complete.push(inKeyOrder(this.#held));
      this.#held = undefined;
    }
    return complete;
  }

  #change({ isDelete, kv, previous }: WatchEvent, revision: Revision): Change {
    const before = previous === undefined ? {} : { previous: this.#keys.entry(previous) };
    if (isDelete) return { type: 'delete', key: this.#keys.inner(kv.key), revision, ...before };
    return { type: 'put', entry: this.#keys.entry(kv), ...before };
  }
}
