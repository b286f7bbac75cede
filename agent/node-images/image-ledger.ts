/** What this node remembers of images: which it pulled itself, and when each was last used. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredImage } from '../../runtime/image-store.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ImageHistory } from './collection.ts';

/** Names remembered as pulled; the ones pulled first are forgotten, and so never collected. */
const pulledMax = 5_000;

interface LedgerFile {
  readonly pulled: readonly string[];
  readonly history: Readonly<Record<string, ImageHistory>>;
}

export class ImageLedger {
  readonly #path: string;
  readonly #pulled = new Set<string>();
  readonly #history = new Map<string, ImageHistory>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** A ledger that is lost or spoilt begins anew: then nothing is ours, and nothing is collected. */
  static async open(dataDir: string): Promise<ImageLedger> {
    const ledger = new ImageLedger(join(dataDir, 'images.json'));
    const text = await readFile(ledger.#path, 'utf8').catch(() => '{}');
    try {
      // Written by `save`; what is missing is empty.
      const { pulled = [], history = {} } = JSON.parse(text) as Partial<LedgerFile>;
      for (const name of pulled) ledger.#pulled.add(name);
      for (const [id, each] of Object.entries(history)) ledger.#history.set(id, each);
    } catch {}
    return ledger;
  }

  get history(): ReadonlyMap<string, ImageHistory> {
    return this.#history;
  }

  notePull(name: string): void {
    this.#pulled.add(withTag(name));
    for (const oldest of this.#pulled) {
      if (this.#pulled.size <= pulledMax) break;
      this.#pulled.delete(oldest);
    }
  }

  /** Pulled here under each of its names; who gave it another one, or had it before, keeps it. */
  isOurs({ tags, digests }: StoredImage): boolean {
    const pulled = (name: string) => this.#pulled.has(name);
    return tags.length > 0 ? tags.every(pulled) : digests.some(pulled);
  }

  /** What is there now, and used now; what is gone is forgotten. */
  noteImages(images: readonly StoredImage[], nowMs: number): void {
    const names = new Set(images.flatMap(({ tags, digests }) => [...tags, ...digests]));
    for (const name of this.#pulled) if (!names.has(name)) this.#pulled.delete(name);
    const ids = new Set(images.map(({ id }) => id));
    for (const id of this.#history.keys()) if (!ids.has(id)) this.#history.delete(id);
    for (const { id, users } of images) {
      const known = this.#history.get(id) ?? { seenAtMs: nowMs, lastUsedAtMs: nowMs };
      const lastUsedAtMs = users.length > 0 ? nowMs : known.lastUsedAtMs;
      this.#history.set(id, { seenAtMs: known.seenAtMs, lastUsedAtMs });
    }
  }

  async save(): Promise<void> {
    const file: LedgerFile = {
      pulled: [...this.#pulled],
      history: Object.fromEntries(this.#history),
    };
    await writeFile(`${this.#path}.new`, JSON.stringify(file), { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}

/** The runtime as it is, but for pulls of what was not there before, which are told. */
export function tellingPulls(runtime: Runtime, onPulled: (image: string) => void): Runtime {
  const ensureImage: Runtime['ensureImage'] = async (image, policy, ...rest) => {
    const before = policy === 'Never' ? {} : await runtime.imageInfo(image, ...rest);
    await runtime.ensureImage(image, policy, ...rest);
    if (before === undefined) onPulled(image);
  };
  return new Proxy(runtime, {
    get(target, key) {
      if (key === 'ensureImage') return ensureImage;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function withTag(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  const tagged = last.includes(':') || last.includes('@') ? name : `${name}:latest`;
  // The engine leaves out what its own registry's names begin with.
  return tagged.replace(/^docker\.io\/(library\/)?/, '');
}
