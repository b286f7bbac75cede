/** A store whose values are encrypted on their way in and decrypted on their way out. */
import type { CallOptions } from '../../lib/call.ts';
import type { Change, Entry, Operation, Store } from '../../store/store.ts';
import type { EncryptionConfiguration } from './configuration.ts';
import { createSealer, type Sealer } from './sealer.ts';

export interface SealedStore extends Store {
  /** Whether writing the entry again would encrypt it otherwise than it is stored now. */
  isStale(key: string, options: CallOptions): Promise<boolean>;
  /** From now on this holds; throws `Undecipherable`, and changes nothing, where a key still in use is missing. */
  configure(configuration: EncryptionConfiguration, options: CallOptions): Promise<void>;
}

const pageSize = 500;

export function sealedStore(store: Store, configuration?: EncryptionConfiguration): SealedStore {
  let sealer = createSealer(configuration);
  const plain = <E extends Entry | undefined>(entry: E): E => {
    if (entry === undefined) return entry;
    const value = sealer.open(entry.key, entry.value);
    return value === entry.value ? entry : { ...entry, value };
  };
  const sealed = (operation: Operation): Operation =>
    operation.type === 'put'
      ? { ...operation, value: sealer.seal(operation.key, operation.value) }
      : operation;
  return {
    get: async (key, options) => plain(await store.get(key, options)),
    async list(prefix, options) {
      const page = await store.list(prefix, options);
      return { ...page, entries: page.entries.map(plain) };
    },
    async txn(txn, options) {
      const { then, otherwise } = txn;
      const sent = { ...txn, then: then.map(sealed), otherwise: otherwise.map(sealed) };
      const result = await store.txn(sent, options);
      return { ...result, entries: result.entries.map(plain) };
    },
    async *watch(prefix, options) {
      for await (const { revision, changes } of store.watch(prefix, options))
        yield { revision, changes: changes.map((change) => plainChange(change, plain)) };
    },
    async isStale(key, options) {
      if (!sealer.covers(key)) return false;
      const entry = await store.get(key, options);
      return entry !== undefined && sealer.isStale(key, entry.value);
    },
    async configure(next, options) {
      const candidate = createSealer(next);
      await checkAll(store, candidate, options);
      sealer = candidate;
    },
    revision: (options) => store.revision(options),
    compact: (revision, options) => store.compact(revision, options),
    space: (options) => store.space(options),
    close: () => store.close(),
  };
}

function plainChange(change: Change, plain: (entry: Entry) => Entry): Change {
  const previous = change.previous === undefined ? {} : { previous: plain(change.previous) };
  return change.type === 'put'
    ? { ...change, entry: plain(change.entry), ...previous }
    : { ...change, ...previous };
}

async function checkAll(store: Store, sealer: Sealer, { signal }: CallOptions): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? {} : { after };
    const { entries, remaining } = await store.list('', { limit: pageSize, signal, ...from });
    for (const { key, value } of entries) sealer.check(key, value);
    after = entries.at(-1)?.key;
    if (remaining === 0 || after === undefined) return;
  }
}
