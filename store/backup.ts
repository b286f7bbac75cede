/** Saves a store as of one revision, and fills a store from what was saved; over any `Store`. */
import type { CallOptions } from '../lib/call.ts';
import type { Backup, BackupHeader, BackupRecord } from './backup-format.ts';
import { maxTxnBytes, maxTxnOperations } from './limits.ts';
import { type Entry, type Operation, type Revision, type Store, StoreError } from './store.ts';

const pageSize = 500;
/** While it is there the store holds half of a restore. */
export const restoringKey = 'system/restoring';
/** How far the restored revisions are ahead of the saved ones: whoever watched goes on with something newer. */
const revisionMargin = 1_000n;
/** Writes at once that only move the revision on. */
const bumpParallel = 256;
const bumpKey = 'system/revision';

/** All entries as of one revision; `describe` names time and writer. */
export async function saveStore(
  store: Store,
  { created, berth }: Pick<BackupHeader, 'created' | 'berth'>,
  { signal }: CallOptions,
): Promise<Backup> {
  const first = await store.list('', { limit: pageSize, signal });
  const { revision, entries, remaining } = first;
  const count = entries.length + remaining;
  return {
    header: { version: 1, revision: String(revision), count, created, berth },
    records: recordsOf(store, first, revision, signal),
  };
}

async function* recordsOf(
  store: Store,
  first: { readonly entries: readonly Entry[]; readonly remaining: number },
  at: Revision,
  signal: AbortSignal,
): AsyncGenerator<BackupRecord> {
  let page = first;
  for (;;) {
    for (const { key, value } of page.entries) yield { type: 'entry', name: key, value };
    const after = page.entries.at(-1)?.key;
    if (page.remaining === 0 || after === undefined) return;
    page = await store.list('', { limit: pageSize, at, after, signal });
  }
}

/** Whether anything but what the store itself needs is in it. */
export async function isEmpty(store: Store, { signal }: CallOptions): Promise<boolean> {
  const { entries } = await store.list('', { limit: 10, signal });
  return entries.every(({ key }) => key.startsWith('system/'));
}

/**
 * Makes the store hold exactly the entries of the backup, at revisions above the saved ones. No plane
 * may run on it. Interrupted, it leaves `restoringKey`, and is to be repeated from the start.
 */
export async function restoreStore(
  store: Store,
  { header, records }: Backup,
  { signal }: CallOptions,
): Promise<{ readonly revision: Revision }> {
  const mark: Operation = { type: 'put', key: restoringKey, value: Buffer.from(header.created) };
  await store.txn({ compare: [], then: [mark], otherwise: [] }, { signal });
  await clear(store, signal);
  const writer = new BatchWriter(store, signal);
  for await (const { type, name, value } of records) {
    if (type !== 'entry' || name === restoringKey) continue;
    await writer.add({ type: 'put', key: name, value });
  }
  await writer.flush();
  await moveOn(store, BigInt(header.revision) + revisionMargin, signal);
  const unmark: Operation = { type: 'delete', key: restoringKey };
  const { revision } = await store.txn({ compare: [], then: [unmark], otherwise: [] }, { signal });
  // Nobody may watch what was before.
  await store.compact(revision, { signal });
  return { revision };
}

async function clear(store: Store, signal: AbortSignal): Promise<void> {
  const writer = new BatchWriter(store, signal);
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? {} : { after };
    const { entries, remaining } = await store.list('', { limit: pageSize, signal, ...from });
    for (const { key } of entries)
      if (key !== restoringKey) await writer.add({ type: 'delete', key });
    await writer.flush();
    after = entries.at(-1)?.key;
    if (remaining === 0 || after === undefined) return;
  }
}

/** Writes until the store's revision has reached `wanted`, and keeps nothing of it. */
async function moveOn(store: Store, wanted: Revision, signal: AbortSignal): Promise<void> {
  const bump = { type: 'put', key: bumpKey, value: new Uint8Array() } as const;
  const txn = { compare: [], then: [bump], otherwise: [] };
  for (let now = await store.revision({ signal }); now < wanted; ) {
    const missing = wanted - now;
    const writes = missing < BigInt(bumpParallel) ? Number(missing) : bumpParallel;
    await Promise.all(Array.from({ length: writes }, () => store.txn(txn, { signal })));
    now = await store.revision({ signal });
    // Each write keeps its version until then.
    if (now % 10_000n < BigInt(bumpParallel)) await store.compact(now, { signal });
  }
}

/** Gathers operations into transactions as large as a store takes. */
class BatchWriter {
  readonly #store: Store;
  readonly #signal: AbortSignal;
  #batch: Operation[] = [];
  #bytes = 0;

  constructor(store: Store, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  async add(operation: Operation): Promise<void> {
    const bytes = sizeOf(operation);
    const isFull = this.#batch.length >= maxTxnOperations || this.#bytes + bytes > maxTxnBytes / 2;
    if (isFull) await this.flush();
    this.#batch.push(operation);
    this.#bytes += bytes;
  }

  async flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    const then = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    await this.#store.txn({ compare: [], then, otherwise: [] }, { signal: this.#signal });
  }
}

function sizeOf(operation: Operation): number {
  return operation.key.length + (operation.type === 'put' ? operation.value.length : 0);
}

/** Refuses a store that holds half of a restore. */
export async function checkWhole(store: Store, { signal }: CallOptions): Promise<void> {
  if ((await store.get(restoringKey, { signal })) === undefined) return;
  throw new StoreError(
    'Unavailable',
    'the store holds half of a restore: repeat "berth restore" with --force',
  );
}
