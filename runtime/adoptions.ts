/**
 * What runs under Berth without its labels, and what has its labels and is Berth's no more: labels of
 * what runs cannot be changed, so both stand in one file of the node.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { InstanceId, RuntimeName } from './instance-parts.ts';

/** Whose a thing of the engine shall be. */
export interface Adopter {
  readonly instance: InstanceId;
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
}

export interface Adoption extends Adopter {
  readonly runtime: RuntimeName;
  /** As the engine knows it for good: a container's whole id, a unit's name. */
  readonly target: string;
  /** What was changed so that nobody else starts it, and is put back on release; the driver's own words. */
  readonly undo: Readonly<Record<string, string>>;
}

interface Released {
  readonly runtime: RuntimeName;
  readonly target: string;
}

interface Ledger {
  readonly adopted: readonly Adoption[];
  readonly released: readonly Released[];
}

/** Things that are long gone need not be remembered. */
const releasedMax = 10_000;

export class Adoptions {
  readonly #path: string | undefined;
  #ledger: Ledger;

  private constructor(path: string | undefined, ledger: Ledger) {
    this.#path = path;
    this.#ledger = ledger;
  }

  /** Throws when the file is there and cannot be read: what it says must not be lost. */
  static load(path: string): Adoptions {
    return new Adoptions(path, read(path));
  }

  /** Lives as long as the process. */
  static inMemory(): Adoptions {
    return new Adoptions(undefined, { adopted: [], released: [] });
  }

  of(runtime: RuntimeName, instance?: InstanceId): readonly Adoption[] {
    return this.#ledger.adopted.filter(
      (one) => one.runtime === runtime && (instance === undefined || one.instance === instance),
    );
  }

  find(runtime: RuntimeName, target: string): Adoption | undefined {
    return this.#ledger.adopted.find((one) => one.runtime === runtime && one.target === target);
  }

  isReleased(runtime: RuntimeName, target: string): boolean {
    return this.#ledger.released.some((one) => one.runtime === runtime && one.target === target);
  }

  /** Durable when it returns. */
  adopt(adoption: Adoption): void {
    this.#write({
      adopted: [...this.#without(adoption), adoption],
      released: this.#ledger.released.filter((one) => !isSame(one, adoption)),
    });
  }

  /** It was adopted, and is gone or is given back. */
  forget(thing: Released): void {
    this.#write({ ...this.#ledger, adopted: this.#without(thing) });
  }

  /** It carries our labels, and shall not be ours. */
  release(thing: Released): void {
    if (this.isReleased(thing.runtime, thing.target)) return;
    const { runtime, target } = thing;
    const released = [...this.#ledger.released, { runtime, target }].slice(-releasedMax);
    this.#write({ adopted: this.#without(thing), released });
  }

  #without(thing: Released): readonly Adoption[] {
    return this.#ledger.adopted.filter((one) => !isSame(one, thing));
  }

  #write(ledger: Ledger): void {
    this.#ledger = ledger;
    if (this.#path === undefined) return;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const draft = `${this.#path}.tmp`;
    writeFileSync(draft, `${JSON.stringify(ledger, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(draft, this.#path);
  }
}

function isSame(a: Released, b: Released): boolean {
  return a.runtime === b.runtime && a.target === b.target;
}

function read(path: string): Ledger {
  try {
    // Written by `Adoptions` only.
    return JSON.parse(readFileSync(path, 'utf8')) as Ledger;
  } catch (error) {
    // The typings do not know what the file system throws.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { adopted: [], released: [] };
    throw new Error(`${path} is damaged: mend or remove it`, { cause: error });
  }
}
