/** Where names are reached, asked of the API and remembered for when it cannot be asked. */
import { type NameAnswer, names } from '../../api/cluster-names.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { underAny } from '../../lib/under-any.ts';
import type { Known } from './zone.ts';

/** Whoever asks again within it gets the same answer. */
const freshMs = 1_000;
/** Longer than that nobody waits who has something older. */
const patienceMs = 1_000;
/** The least lately asked are forgotten first. */
const namesMax = 10_000;

interface Remembered {
  readonly known: Known;
  readonly atMs: number;
}

export class NameLookup {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<Known>>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async find(namespace: string, name: string, options: CallOptions): Promise<Known> {
    const key = `${namespace}/${name}`;
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && this.#clock.now() - remembered.atMs < freshMs) {
      return remembered.known;
    }
    const asking = this.#asking.get(key) ?? this.#ask(key, namespace, name, options);
    this.#asking.set(key, asking);
    return await asking;
  }

  async #ask(key: string, namespace: string, name: string, options: CallOptions): Promise<Known> {
    try {
      const known = await this.#read(namespace, name, options);
      this.#remembered.delete(key);
      this.#remembered.set(key, { known, atMs: this.#clock.now() });
      const [oldest] = this.#remembered.keys();
      if (this.#remembered.size > namesMax && oldest !== undefined) this.#remembered.delete(oldest);
      return known;
    } catch {
      // The control plane is away: what it last said still holds, most likely.
      return this.#remembered.get(key)?.known ?? { type: 'unknown' };
    } finally {
      this.#asking.delete(key);
    }
  }

  async #read(namespace: string, name: string, options: CallOptions): Promise<Known> {
    const ends = [options.signal, AbortSignal.timeout(patienceMs)];
    try {
      const found = await underAny(ends, (signal) =>
        this.#client.get<NameAnswer>(names, { namespace, name }, { signal }),
      );
      return { type: 'found', addresses: found.addresses };
    } catch (error) {
      if (hasReason(error, 'NotFound')) return { type: 'absent' };
      throw error;
    }
  }
}
