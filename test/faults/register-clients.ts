/** Clients of several servers of one store, all at the same few objects; what each saw is recorded. */
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { until } from '../e2e/until.ts';
import type { History, Read, Watched, Write } from './history.ts';
import type { Dice } from './runs.ts';

const namespace = 'default';
const labelSelector = 'app=register';
const retryMs = 50;

export interface RegisterOptions {
  /** Objects that all of them write. */
  readonly keys: number;
  /** At each server. */
  readonly writers: number;
  readonly readers: number;
  readonly dice: Dice;
}

interface Found {
  readonly revision: bigint;
  readonly value: string;
}

const nothing: Found = { revision: 0n, value: '' };

export class RegisterClients {
  /** Requests that no server answered. */
  unanswered = 0;
  readonly #clients: readonly Client[];
  readonly #options: RegisterOptions;
  readonly #keys: readonly string[];
  readonly #operations: (Write | Read)[] = [];
  readonly #watches: { name: string; since: bigint; told: Watched['told'][number][] }[] = [];
  readonly #stopWork = new AbortController();
  readonly #stopWatches = new AbortController();
  #work: Promise<unknown> = Promise.resolve();
  #watching: Promise<unknown> = Promise.resolve();
  #step = 0;
  #values = 0;

  constructor(clients: readonly Client[], options: RegisterOptions) {
    this.#clients = clients;
    this.#options = options;
    this.#keys = Array.from({ length: options.keys }, (_, i) => `register-${i}`);
  }

  get acknowledged(): number {
    return this.#operations.filter((each) => each.kind === 'write' && isDone(each)).length;
  }

  async start(): Promise<void> {
    const { writers, readers } = this.#options;
    const watches = this.#clients.map(async (client, i) => {
      const listed = await client.list<ConfigMap>(configMaps, {
        ...{ namespace, labelSelector },
        signal: this.#stopWatches.signal,
      });
      const since = listed.resourceVersion;
      const watch = { name: `watch ${i}`, since: BigInt(since), told: [] };
      this.#watches.push(watch);
      return { client, watch, since };
    });
    const ready = await Promise.all(watches);
    const each = (count: number, run: (client: Client) => Promise<void>) =>
      this.#clients.flatMap((client) => Array.from({ length: count }, () => run(client)));
    this.#watching = Promise.all(ready.map((one) => this.#watch(one.client, one.watch, one.since)));
    this.#work = Promise.all([
      ...each(writers, (client) => this.#write(client)),
      ...each(readers, (client) => this.#read(client)),
    ]);
    // Whoever awaits them comes later; a failure before that is not an unhandled one.
    for (const task of [this.#watching, this.#work]) task.catch(() => undefined);
  }

  /** Ends the work; each watch goes on until it has told the last write that was acknowledged. */
  async stop(): Promise<History> {
    this.#stopWork.abort();
    await this.#work;
    const done = this.#operations.filter(isDone).sort((a, b) => (a.outcome < b.outcome ? -1 : 1));
    // Several, if they share a revision.
    const last = done.filter(({ outcome }) => outcome === done.at(-1)?.outcome);
    await until('every watch has told the last write', () =>
      this.#watches.every(({ told }) =>
        last.every(({ key, outcome }) =>
          told.some((each) => each.key === key && each.revision >= outcome),
        ),
      ),
    );
    this.#stopWatches.abort();
    await this.#watching;
    const watches: readonly Watched[] = this.#watches;
    return { operations: this.#operations, watches };
  }

  /** Reads one object and writes it, if nobody else has meanwhile. */
  async #write(client: Client): Promise<void> {
    while (!this.#stopWork.signal.aborted) {
      const key = this.#options.dice.pick(this.#keys);
      const base = await this.#get(client, key);
      if (base !== undefined) await this.#replace(client, key, base.revision);
    }
  }

  /** One object, or all of them. */
  async #read(client: Client): Promise<void> {
    const { dice } = this.#options;
    while (!this.#stopWork.signal.aborted) {
      if (dice.chance(0.5)) await this.#get(client, dice.pick(this.#keys));
      else await this.#list(client);
    }
  }

  async #get(client: Client, key: string): Promise<Found | undefined> {
    const began = this.#next();
    const found = await this.#ask(async (signal) => {
      try {
        return foundIn(await client.get<ConfigMap>(configMaps, keyOf(key), { signal }));
      } catch (error) {
        if (hasReason(error, 'NotFound')) return nothing;
        throw error;
      }
    });
    if (found === undefined) return undefined;
    this.#operations.push({ kind: 'read', key, began, ended: this.#next(), ...found });
    return found;
  }

  async #list(client: Client): Promise<void> {
    const began = this.#next();
    const listed = await this.#ask((signal) =>
      client.list<ConfigMap>(configMaps, { namespace, labelSelector, signal }),
    );
    if (listed === undefined) return;
    const ended = this.#next();
    for (const key of this.#keys) {
      const item = listed.items.find(({ metadata }) => metadata.name === key);
      const found = item === undefined ? nothing : foundIn(item);
      this.#operations.push({ kind: 'read', key, began, ended, ...found });
    }
  }

  async #replace(client: Client, key: string, base: bigint): Promise<void> {
    this.#values += 1;
    const value = String(this.#values);
    const object = configMapOf(key, value, base);
    const began = this.#next();
    const outcome = await this.#ask(async (signal): Promise<Write['outcome']> => {
      try {
        const written =
          base === 0n
            ? await client.create<ConfigMap>(configMaps, object, { signal })
            : await client.update<ConfigMap>(configMaps, object, { signal });
        return foundIn(written).revision;
      } catch (error) {
        if (hasReason(error, 'Conflict') || hasReason(error, 'AlreadyExists')) return 'refused';
        throw error;
      }
    });
    const ended = this.#next();
    const write = { kind: 'write', key, value, base, began, ended } as const;
    this.#operations.push({ ...write, outcome: outcome ?? 'unknown' });
  }

  /** Undefined where no answer came, or one that says that the server could not tell. */
  async #ask<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      // Not ended with the work: what has begun is seen through.
      return await call(this.#stopWatches.signal);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (error.code < 500 && error.code !== 429) throw error;
      this.unanswered += 1;
      await pause();
      return undefined;
    }
  }

  /** Resumed at the same server from the last revision that it told, after each end. */
  async #watch(
    client: Client,
    watch: { readonly told: Watched['told'][number][] },
    since: string,
  ): Promise<void> {
    const { signal } = this.#stopWatches;
    let resourceVersion = since;
    for (let connection = 0; !signal.aborted; connection += 1) {
      try {
        const options = { namespace, labelSelector, signal, resourceVersion };
        for await (const event of client.watch<ConfigMap>(configMaps, options)) {
          if (event.type === 'BOOKMARK') {
            resourceVersion = event.resourceVersion;
            continue;
          }
          resourceVersion = event.object.metadata.resourceVersion ?? '';
          const key = event.object.metadata.name ?? '';
          watch.told.push({ connection, key, ...foundIn(event.object) });
        }
      } catch (error) {
        if (signal.aborted) return;
        // What is too old to be resumed would be a lost event.
        if (hasReason(error, 'Expired')) throw error;
      }
      await pause();
    }
  }

  #next(): number {
    this.#step += 1;
    return this.#step;
  }
}

function isDone(operation: Write | Read): operation is Write & { readonly outcome: bigint } {
  return operation.kind === 'write' && typeof operation.outcome === 'bigint';
}

function foundIn({ metadata, data }: ConfigMap): Found {
  return { revision: BigInt(metadata.resourceVersion ?? 0), value: data?.['value'] ?? '' };
}

function keyOf(name: string) {
  return { namespace, name };
}

function configMapOf(name: string, value: string, base: bigint): ConfigMap {
  const version = base === 0n ? {} : { resourceVersion: String(base) };
  const metadata = { name, namespace, labels: { app: 'register' }, ...version };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, retryMs));
}
