import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Entry,
  type Operation,
  openEmbeddedStore,
  openEtcdStore,
  type Store,
  StoreError,
} from '../../store/index.ts';
import { startEtcd, type TestEtcd } from '../harness/etcd.ts';
import { describeSet, never, put, record, text } from '../harness/store.ts';

/** The same in every run; change it to look elsewhere. */
const seed = 20261122;
const runs = 25;

/** Revisions relative to the start, so that both stores can be compared; may lie before or ahead. */
type Relative = number;

type Step =
  | {
      readonly type: 'txn';
      readonly compare: readonly { readonly key: string; readonly back: Relative }[];
      readonly onTrue: readonly Operation[];
      readonly onFalse: readonly Operation[];
    }
  | { readonly type: 'get'; readonly key: string; readonly at: Relative | undefined }
  | {
      readonly type: 'list';
      readonly prefix: string;
      readonly at: Relative | undefined;
      readonly limit: number | undefined;
      readonly after: string | undefined;
    }
  | { readonly type: 'watch'; readonly prefix: string; readonly since: Relative }
  | { readonly type: 'compact'; readonly revision: Relative };

const key = fc.constantFrom(
  'a',
  'a/1',
  'a/2',
  'a/2\0',
  'a0',
  'b/1',
  'b/\u{1F6A2}',
  'b/\u{FFFD}',
  'c',
);
const prefix = fc.constantFrom('', 'a', 'a/', 'b/', 'a/2', 'x', 'a/2\0');
const relative = fc.integer({ min: -2, max: 40 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(key, fc.string({ maxLength: 3 })).map(([k, v]) => putting(k, v)),
  },
  { weight: 1, arbitrary: key.map((k) => ({ type: 'delete', key: k }) as const) },
  { weight: 1, arbitrary: key.map((k) => ({ type: 'get', key: k }) as const) },
);
const branch = fc
  .array(operation, { maxLength: 4 })
  .map((operations) => operations.filter(isFirstWrite));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 18,
    arbitrary: fc.record({
      type: fc.constant('txn' as const),
      compare: fc.array(fc.record({ key, back: fc.integer({ min: -1, max: 2 }) }), {
        maxLength: 2,
      }),
      onTrue: branch,
      onFalse: branch,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('get' as const),
      key,
      at: fc.option(relative, { nil: undefined }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('list' as const),
      prefix,
      at: fc.option(relative, { nil: undefined }),
      limit: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      after: fc.option(key, { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('watch' as const), prefix, since: relative }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('compact' as const), revision: relative }),
  },
);

let etcd: TestEtcd;
let places = 0;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(() => etcd.stop());

test('the same operations look the same on both stores', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'berth-diff-'));
      places += 1;
      const embedded = await openEmbeddedStore(directory);
      const reference = await openEtcdStore({
        endpoints: [etcd.endpoint],
        keyPrefix: `/diff/${places}`,
      });
      try {
        const [ours, theirs] = await Promise.all([
          new Player(embedded).play(steps),
          new Player(reference).play(steps),
        ]);
        expect(ours).toEqual(theirs);
      } finally {
        await Promise.all([embedded.close(), reference.close()]);
        rmSync(directory, { recursive: true, force: true });
      }
    }),
    { seed, numRuns: runs },
  );
});

/** Carries steps out on one store and writes down everything that can be seen. */
class Player {
  readonly #store: Store;
  readonly #log: string[] = [];
  /** The revision before the first step, from which all others are counted. */
  #base = 0n;

  constructor(store: Store) {
    this.#store = store;
  }

  async play(steps: readonly Step[]): Promise<readonly string[]> {
    // What etcd holds of earlier runs is out of reach of `compact` and of relative revisions.
    this.#base = await put(this.#store, 'start', 'x');
    await this.#store.compact(this.#base, never);
    for (const one of steps) this.#log.push(await this.#caught(() => this.#take(one)));
    this.#log.push(await this.#history(''));
    return this.#log;
  }

  async #take(one: Step): Promise<string> {
    switch (one.type) {
      case 'txn':
        return this.#txn(one);
      case 'get': {
        const entry = await this.#store.get(one.key, { ...never, ...this.#at(one.at) });
        return `get ${this.#show(entry)}`;
      }
      case 'list':
        return this.#list(one);
      case 'watch':
        return this.#watch(one.prefix, this.#base + BigInt(one.since));
      case 'compact':
        await this.#store.compact(this.#base + BigInt(one.revision), never);
        return 'compacted';
    }
  }

  async #txn({ compare, onTrue, onFalse }: Extract<Step, { type: 'txn' }>): Promise<string> {
    const comparisons = [];
    for (const { key: name, back } of compare) {
      // The present revision of the key (0), none at all (-1), or one that is wrong.
      const present = (await this.#store.get(name, never))?.modRevision ?? 0n;
      comparisons.push({ key: name, modRevision: back < 0 ? 0n : present + BigInt(back) });
    }
    const request = { compare: comparisons, then: onTrue, otherwise: onFalse };
    const result = await this.#store.txn(request, never);
    const entries = result.entries.map((entry) => this.#show(entry)).join(' ');
    return `txn ${result.succeeded} ${result.revision - this.#base} ${entries}`;
  }

  async #list({ prefix: under, at, limit, after }: Extract<Step, { type: 'list' }>) {
    const page = await this.#store.list(under, {
      ...never,
      ...this.#at(at),
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    });
    const entries = page.entries.map((entry) => this.#show(entry)).join(' ');
    return `list ${page.revision - this.#base} ${page.remaining} ${entries}`;
  }

  /** Everything that a watch from there hears up to a write made after it was opened. */
  async #watch(under: string, since: bigint): Promise<string> {
    const marker = `${under}~`;
    const watching = record(this.#store, under, since);
    const last = await put(this.#store, marker, 'end');
    if (last > since) await watching.through(last);
    const sets = await watching.stop();
    return `watch ${sets.map((set) => describeSet(set, this.#base)).join('; ')}`;
  }

  async #history(under: string): Promise<string> {
    // From the newest compaction on, which both must agree about.
    for (let since = this.#base; ; since += 1n) {
      const heard = await this.#caught(() => this.#watch(under, since));
      if (heard !== 'Compacted') return `${since - this.#base} ${heard}`;
    }
  }

  #at(at: Relative | undefined): { at?: bigint } {
    return at === undefined ? {} : { at: this.#base + BigInt(at) };
  }

  #show(entry: Entry | undefined): string {
    if (entry === undefined) return '-';
    const { modRevision, createRevision } = entry;
    const revisions = `${modRevision - this.#base}/${createRevision - this.#base}`;
    return `${entry.key}=${text(entry.value)}@${revisions}`;
  }

  async #caught(run: () => Promise<string>): Promise<string> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof StoreError) return error.reason;
      throw error;
    }
  }
}

function putting(name: string, value: string): Operation {
  return { type: 'put', key: name, value: Buffer.from(value) };
}

/** Both stores refuse to write a key twice in one transaction; see the contract. */
function isFirstWrite(one: Operation, index: number, all: readonly Operation[]): boolean {
  if (one.type === 'get') return true;
  return all.findIndex((other) => other.type !== 'get' && other.key === one.key) === index;
}
