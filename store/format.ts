/** In which form objects are stored, so that no Berth ever reads what a newer one has written. */
import type { CallOptions } from '../lib/call.ts';
import { type Store, StoreError } from './store.ts';

export const formatKey = 'system/format';

/** Changes what is stored from one form to the next; may be interrupted and repeated. */
export type Migration = (store: Store, options: CallOptions) => Promise<void>;

/**
 * `migrations[0]` leads from format 1 to 2, and so on. A change that an older Berth cannot read adds
 * one here; a new field or kind does not.
 */
const migrations: readonly Migration[] = [];

/**
 * Brings the store to this version's form and marks it. Stores from before there was a mark have
 * format 1. Throws `Unavailable` for a form this version does not know.
 */
export async function settleFormat(
  store: Store,
  { signal }: CallOptions,
  steps: readonly Migration[] = migrations,
): Promise<{ readonly from: number; readonly to: number }> {
  const to = steps.length + 1;
  const marked = await store.get(formatKey, { signal });
  const from = marked === undefined ? 1 : formatOf(marked.value);
  if (from > to) {
    throw new StoreError(
      'Unavailable',
      `the store was written by a newer Berth (its format is ${from}, this version reads up to ${to}): ` +
        'install that version again, or restore a backup made with this one',
    );
  }
  let revision = marked?.modRevision ?? 0n;
  if (marked === undefined) revision = await mark(store, from, revision, signal);
  for (let at = from; at < to; at += 1) {
    await steps[at - 1]?.(store, { signal });
    revision = await mark(store, at + 1, revision, signal);
  }
  return { from, to };
}

/** Guarded: of two servers that start at once, one marks and the other begins anew. */
async function mark(
  store: Store,
  format: number,
  modRevision: bigint,
  signal: AbortSignal,
): Promise<bigint> {
  const value = Buffer.from(JSON.stringify({ format }));
  const result = await store.txn(
    {
      compare: [{ key: formatKey, modRevision }],
      then: [{ type: 'put', key: formatKey, value }],
      otherwise: [{ type: 'get', key: formatKey }],
    },
    { signal },
  );
  if (result.succeeded) return result.revision;
  const [other] = result.entries;
  if (other !== undefined && formatOf(other.value) === format) return other.modRevision;
  throw new StoreError(
    'Unavailable',
    'another server is changing the format of the store: try again when it serves',
  );
}

function formatOf(value: Uint8Array): number {
  const text = Buffer.from(value).toString('utf8');
  try {
    const { format } = JSON.parse(text) as { readonly format?: unknown };
    if (typeof format === 'number' && Number.isInteger(format)) return format;
  } catch {
    // Said below.
  }
  throw new StoreError('Unavailable', `the store's format cannot be read: "${text.slice(0, 40)}"`);
}
