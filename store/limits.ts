import { maxValueBytes, type Operation, StoreError, type Txn } from './store.ts';

/** The longest key, in bytes; with it every form of a key fits into an lmdb key (1978 bytes). */
export const maxKeyBytes = 900;

/** The most comparisons, and the most operations in either branch, of one transaction: etcd's default. */
export const maxTxnOperations = 128;

/** The most bytes of keys and values in one transaction, so that etcd's request limit is not met first. */
export const maxTxnBytes = 1_550_000;

/** What one operation adds to a request besides its key and value: field tags, lengths, our prefix. */
const operationOverheadBytes = 48;

/**
 * Refuses a transaction that one of the stores could not carry out, so that both refuse the same.
 * Throws `TooLarge`; an empty key or a key written twice in one branch is a mistake of the caller
 * and throws a TypeError.
 */
export function checkTxn(txn: Txn): void {
  let bytes = 0;
  if (txn.compare.length > maxTxnOperations) throw tooManyOperations(txn.compare.length);
  for (const { key } of txn.compare) bytes += checkKey(key) + operationOverheadBytes;
  for (const branch of [txn.then, txn.otherwise]) {
    if (branch.length > maxTxnOperations) throw tooManyOperations(branch.length);
    checkWrittenOnce(branch);
    for (const operation of branch) {
      bytes += checkKey(operation.key) + operationOverheadBytes;
      if (operation.type === 'put') bytes += checkValue(operation.key, operation.value);
    }
  }
  if (bytes > maxTxnBytes) {
    throw new StoreError(
      'TooLarge',
      `the transaction has ${bytes} bytes, the limit is ${maxTxnBytes}`,
    );
  }
}

/** The key's length in bytes. */
function checkKey(key: string): number {
  if (key === '') throw new TypeError('a key of the store must not be empty');
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) {
    throw new StoreError('TooLarge', `the key has ${bytes} bytes, the limit is ${maxKeyBytes}`);
  }
  return bytes;
}

function checkValue(key: string, value: Uint8Array): number {
  if (value.length > maxValueBytes) {
    throw new StoreError(
      'TooLarge',
      `the value of ${key} has ${value.length} bytes, the limit is ${maxValueBytes}`,
    );
  }
  return value.length;
}

/** As etcd: a key is put once, and not deleted beside it; deleting twice does no harm. */
function checkWrittenOnce(branch: readonly Operation[]): void {
  const written = new Map<string, 'put' | 'delete'>();
  for (const { type, key } of branch) {
    if (type === 'get') continue;
    const before = written.get(key);
    if (before === 'put' || (before === 'delete' && type === 'put')) {
      throw new TypeError(`one transaction writes the key ${key} twice`);
    }
    written.set(key, type);
  }
}

function tooManyOperations(count: number): StoreError {
  return new StoreError(
    'TooLarge',
    `the transaction has ${count} operations, the limit is ${maxTxnOperations}`,
  );
}
