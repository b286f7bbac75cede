/** What lies on this node: from the API once it has answered, from the checkpoint until then. */
import type { KubeObject } from '../../api/meta.ts';
import type { InformerEvent } from '../../client/informer.ts';

export class Known<T extends KubeObject> {
  readonly #byUid = new Map<string, T>();
  #listing: Set<string> | undefined;
  #live = false;

  /** Whether the API has answered. */
  get live(): boolean {
    return this.#live;
  }

  list(): readonly T[] {
    return [...this.#byUid.values()];
  }

  get(uid: string): T | undefined {
    return this.#byUid.get(uid);
  }

  /** Of two with one name the one that stays: names can be given anew. */
  named(namespace: string, name: string): T | undefined {
    const found = this.list().filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    );
    return found.find(({ metadata }) => metadata.deletionTimestamp === undefined) ?? found[0];
  }

  /** Takes those of the checkpoint. */
  assume(objects: readonly T[]): void {
    if (this.#live) return;
    for (const object of objects) this.#byUid.set(object.metadata.uid ?? '', object);
  }

  /** Those that have changed, as they are now or were last. */
  apply(event: InformerEvent<T>): readonly T[] {
    switch (event.type) {
      case 'init':
        this.#listing = new Set();
        return [];
      case 'initApply':
        this.#listing?.add(event.object.metadata.uid ?? '');
        this.#byUid.set(event.object.metadata.uid ?? '', event.object);
        return [event.object];
      case 'initDone': {
        const listed = this.#listing ?? new Set();
        this.#live = true;
        const gone = this.list().filter(({ metadata }) => !listed.has(metadata.uid ?? ''));
        for (const { metadata } of gone) this.#byUid.delete(metadata.uid ?? '');
        return gone;
      }
      case 'apply':
        this.#byUid.set(event.object.metadata.uid ?? '', event.object);
        return [event.object];
      case 'delete':
        this.#byUid.delete(event.object.metadata.uid ?? '');
        return [event.object];
    }
  }
}
