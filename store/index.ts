/** The one way into this room. */
export { checkWhole, isEmpty, restoreStore, saveStore } from './backup.ts';
export {
  type Backup,
  BackupError,
  type BackupHeader,
  type BackupRecord,
  decodeBackup,
  encodeBackup,
} from './backup-format.ts';
export { type EmbeddedStoreOptions, openEmbeddedStore } from './embedded.ts';
export type { EtcdStoreOptions } from './etcd.ts';
export type { EtcdTls } from './etcd-endpoints.ts';
export { formatKey, type Migration, settleFormat } from './format.ts';
export { maxKeyBytes, maxTxnOperations } from './limits.ts';
export { type OpenStoreOptions, openStore, parseStoreUrl, type StoreLocation } from './open.ts';
export { openEtcdStore } from './open-etcd.ts';
export {
  type Change,
  type ChangeSet,
  type Comparison,
  type Entry,
  type ListOptions,
  type ListPage,
  maxValueBytes,
  type Operation,
  type ReadOptions,
  type Revision,
  type Store,
  StoreError,
  type StoreErrorReason,
  type StoreSpace,
  type Txn,
  type TxnResult,
  type WatchOptions,
} from './store.ts';
