import { type Database, open, type RootDatabase } from 'lmdb';
import { decodeRevision, encodeRevision } from './embedded-records.ts';

type Table = Database<Buffer, Buffer>;

/** The lmdb environment of one store and its tables; `embedded-records.ts` shows their layout. */
export interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly heads: Table;
  readonly versions: Table;
  readonly log: Table;
  readonly meta: Table;
}

/** The revisions kept in `meta`. */
export const metaKeys = {
  /** The newest committed revision. */
  revision: Buffer.from('revision'),
  /** What `compact` was last called with: reads before it are refused. */
  compacted: Buffer.from('compacted'),
  /** Up to where superseded versions have been removed; follows `compacted`. */
  cleaned: Buffer.from('cleaned'),
  /** The layout's number, so that a later layout is never mistaken for this one. */
  layout: Buffer.from('layout'),
} as const;

/** The revision of a store that was never written, as etcd's. */
export const firstRevision = 1n;

const layout = 1n;

/** Opens or creates the tables in `directory`; throws if they have another layout. */
export async function openTables(directory: string): Promise<Tables> {
  const encodings = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root: RootDatabase<Buffer, Buffer> = open({
    path: directory,
    ...encodings,
    noSubdir: false,
    maxDbs: 4,
    // With it a commit resolves before it is on disk.
    overlappingSync: false,
    // With it a failed commit also rejects a promise that nobody can catch.
    eventTurnBatching: false,
  });
  const tables = {
    root,
    heads: root.openDB<Buffer, Buffer>({ name: 'heads', ...encodings }),
    versions: root.openDB<Buffer, Buffer>({ name: 'versions', ...encodings }),
    log: root.openDB<Buffer, Buffer>({ name: 'log', ...encodings }),
    meta: root.openDB<Buffer, Buffer>({ name: 'meta', ...encodings }),
  };
  const found = tables.meta.get(metaKeys.layout);
  if (found === undefined) {
    await root.batch(() => {
      tables.meta.put(metaKeys.layout, encodeRevision(layout));
      tables.meta.put(metaKeys.revision, encodeRevision(firstRevision));
    });
  } else if (decodeRevision(found) !== layout) {
    await root.close();
    throw new Error(
      `the store in ${directory} has layout ${decodeRevision(found)}, this version reads ${layout}`,
    );
  }
  return tables;
}
