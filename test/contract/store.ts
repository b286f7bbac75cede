import { afterEach, beforeEach, describe } from 'vitest';
import type { Store } from '../../store/index.ts';
import { compactionContract } from './store-compaction.ts';
import { readContract } from './store-reads.ts';
import { txnContract } from './store-txn.ts';
import { watchContract } from './store-watch.ts';

/** Somewhere that a store keeps its data, empty at first. */
export interface StorePlace {
  /** Opens the store; after `close` it may be opened again and has its data still. */
  open(): Promise<Store>;
  /** Frees what the place takes, after its stores were closed. */
  remove(): Promise<void>;
}

/** What each part of the contract gets: a fresh store for every test. */
export interface StoreFixture {
  readonly store: () => Store;
  readonly place: () => StorePlace;
}

/** What every implementation of Store must do; etcd's conduct is the reference. */
export function storeContract(name: string, newPlace: () => Promise<StorePlace>): void {
  describe(`${name} store`, () => {
    let place: StorePlace;
    let store: Store;
    beforeEach(async () => {
      place = await newPlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const fixture = { store: () => store, place: () => place };
    readContract(fixture);
    txnContract(fixture);
    watchContract(fixture);
    compactionContract(fixture);
  });
}
