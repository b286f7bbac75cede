import type {
  ChangeSet,
  Operation,
  Revision,
  Store,
  StoreErrorReason,
  TxnResult,
  WatchOptions,
} from '../../store/index.ts';
import { StoreError } from '../../store/index.ts';

/** A signal that never aborts. */
export const never = { signal: new AbortController().signal };

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

/** The text of a value. */
export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString();
}

/** Carries out `operations` without any condition. */
export function write(store: Store, ...operations: readonly Operation[]): Promise<TxnResult> {
  return store.txn({ compare: [], then: operations, otherwise: [] }, never);
}

export function putting(key: string, value: string): Operation {
  return { type: 'put', key, value: bytes(value) };
}

export async function put(store: Store, key: string, value: string): Promise<Revision> {
  return (await write(store, putting(key, value))).revision;
}

export async function remove(store: Store, key: string): Promise<Revision> {
  return (await write(store, { type: 'delete', key })).revision;
}

/** All keys under a prefix, page by page, all as of one revision. */
export async function pages(store: Store, prefix: string, limit: number): Promise<string[][]> {
  const found: string[][] = [];
  let at: Revision | undefined;
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, {
      ...never,
      limit,
      ...(at === undefined ? {} : { at }),
      ...(after === undefined ? {} : { after }),
    });
    found.push(page.entries.map(({ key }) => key));
    if (page.remaining === 0) return found;
    at = page.revision;
    after = page.entries.at(-1)?.key;
  }
}

/** The reason of the StoreError that `work` fails with; anything else fails the test. */
export async function reasonOf(work: Promise<unknown>): Promise<StoreErrorReason> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StoreError) return error.reason;
    throw error;
  }
  throw new Error('it should have failed');
}

/** A watch that collects what it hears in the background. */
export interface Recording {
  readonly sets: ChangeSet[];
  /** Resolves when `count` revisions were heard. */
  until(count: number): Promise<readonly ChangeSet[]>;
  /** Resolves when a revision from `revision` on was heard. */
  through(revision: Revision): Promise<readonly ChangeSet[]>;
  /** Aborts the watch and waits for its end; throws what it ended with. */
  stop(): Promise<readonly ChangeSet[]>;
  /** Resolves when the watch ends by itself; rejects with what it ended with. */
  readonly ended: Promise<void>;
}

export function record(
  store: Store,
  prefix: string,
  since: Revision,
  options: Pick<WatchOptions, 'previous'> = {},
): Recording {
  const controller = new AbortController();
  const sets: ChangeSet[] = [];
  const waiting = new Set<() => void>();
  let failure: unknown;
  let isOver = false;
  const run = async () => {
    try {
      for await (const set of store.watch(prefix, {
        ...options,
        since,
        signal: controller.signal,
      })) {
        sets.push(set);
        for (const check of [...waiting]) check();
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      isOver = true;
      for (const check of [...waiting]) check();
    }
  };
  const ended = run();
  ended.catch(() => undefined);
  const when = (isEnough: () => boolean) =>
    new Promise<readonly ChangeSet[]>((resolve, reject) => {
      const check = () => {
        if (!isEnough() && !isOver) return;
        waiting.delete(check);
        if (isEnough()) resolve(sets);
        else reject(failure ?? new Error('the watch ended'));
      };
      waiting.add(check);
      check();
    });
  return {
    sets,
    ended,
    until: (count) => when(() => sets.length >= count),
    through: (revision) => when(() => (sets.at(-1)?.revision ?? 0n) >= revision),
    async stop() {
      controller.abort();
      await ended;
      return sets;
    },
  };
}

/** A change set as a line of text, for comparing: `5: +a=1 (was 0) -b (was x)`. */
export function describeSet(set: ChangeSet, base: Revision = 0n): string {
  const changes = set.changes.map((change) => {
    const was = change.previous === undefined ? '' : ` (was ${text(change.previous.value)})`;
    return change.type === 'put'
      ? `+${change.entry.key}=${text(change.entry.value)}${was}`
      : `-${change.key}${was}`;
  });
  return `${set.revision - base}: ${changes.join(' ')}`;
}
