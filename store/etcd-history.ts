import type { IEvent } from 'etcd3';
import { inKeyOrder } from './change-order.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import type { Change, ChangeSet, Revision } from './store.ts';

/** A response of etcd's watch, as far as grouping is concerned. */
export interface WatchEvents {
  readonly events: readonly IEvent[];
  /** The response goes on in the next one, perhaps in the middle of a revision. */
  readonly fragment: boolean;
}

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
  add({ events, fragment }: WatchEvents): readonly ChangeSet[] {
    const complete: ChangeSet[] = [];
    for (const event of events) {
      const revision = BigInt(event.kv.mod_revision);
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

  #change(event: IEvent, revision: Revision): Change {
    // Without a previous entry the decoder gives null or, for some responses, an empty one.
    const hasPrevious = event.prev_kv !== null && BigInt(event.prev_kv?.mod_revision ?? 0) > 0n;
    const previous = hasPrevious ? { previous: this.#keys.entry(event.prev_kv) } : {};
    if (isDelete(event)) {
      return { type: 'delete', key: this.#keys.inner(event.kv.key), revision, ...previous };
    }
    return { type: 'put', entry: this.#keys.entry(event.kv), ...previous };
  }
}

/** The decoder gives the name of the type, though the declarations say otherwise. */
function isDelete(event: IEvent): boolean {
  return String(event.type).toLowerCase() === 'delete';
}
