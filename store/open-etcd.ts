/** The way to etcd: its ten files are loaded only where etcd is the store. */
import type { EtcdStoreOptions } from './etcd.ts';
import type { Store } from './store.ts';

/**
 * Opens a store on an etcd cluster, 3.4 or newer; any number of processes may share it. Throws
 * `Unavailable` if no endpoint answers.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { connectEtcdStore } = await import('./etcd.ts');
  return connectEtcdStore(options);
}
