/**
 * What was attached with which configuration and result, a file for each, so that it can be checked
 * and taken back by whoever starts after a crash. A file is written before the first plugin is
 * called: one without a result is half made.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../api/meta.ts';
import type { Attaching } from './chain.ts';

export interface LedgerEntry extends Attaching {
  readonly kind: 'berthCniV1';
  /** Path of the namespace, and which one was found there. */
  readonly netns: string;
  readonly namespaceId: string;
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
  /** Of the last plugin; absent until all have answered. */
  readonly result?: JsonObject;
  /** The plugins have found it as they made it. */
  readonly wasSound?: boolean;
  /** Nobody wants it any more, and the plugins have not let go of it yet. */
  readonly isLeaving?: boolean;
}

type EntryKey = Pick<LedgerEntry, 'network' | 'owner' | 'interface'>;

export class Ledger {
  readonly #directory: string;
  readonly #entries = new Map<string, LedgerEntry>();
  #loaded: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** In the order in which they were attached, as far as it is known. */
  async of(id: string): Promise<readonly LedgerEntry[]> {
    return (await this.all()).filter(({ owner }) => owner.id === id);
  }

  async all(): Promise<readonly LedgerEntry[]> {
    this.#loaded ??= this.#load();
    await this.#loaded;
    return [...this.#entries.values()];
  }

  /** Durable when it resolves. */
  async put(entry: LedgerEntry): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, fileOf(entry));
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(entry));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    this.#entries.set(fileOf(entry), entry);
  }

  async remove(entry: EntryKey): Promise<void> {
    await rm(join(this.#directory, fileOf(entry)), { force: true });
    this.#entries.delete(fileOf(entry));
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names.filter((each) => each.endsWith('.json')).sort()) {
      const text = await readFile(join(this.#directory, name), 'utf8');
      const entry = parseEntry(text);
      if (entry !== undefined) this.#entries.set(name, entry);
    }
  }
}

/** A file that a power cut has spoilt tells nothing; what it was about is found by GC, if at all. */
function parseEntry(text: string): LedgerEntry | undefined {
  try {
    const entry = JSON.parse(text) as Partial<LedgerEntry>; // Written by `put`.
    return entry.kind === 'berthCniV1' ? (entry as LedgerEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** The interface comes first: those of an instance are read in its order. */
function fileOf({ network, owner, interface: name }: EntryKey): string {
  return `${owner.id}-${name}-${network}.json`;
}
