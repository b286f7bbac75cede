/** A client that writes and watches all the time, and remembers what it was promised. */
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { soak } from './runs.ts';

const namespace = 'default';
const labelSelector = 'app=recorded';
const retryMs = 50;
/** Between two steps of a writer: in a soak there is no rest. */
const restMs = soak ? 0 : 20;

/** One change as a watch told it. */
interface Seen {
  /** Which of the watches, one after the other, has told it. */
  readonly watch: number;
  readonly revision: bigint;
  readonly name: string;
  readonly value: string;
}

export class RecordedClient {
  /** By name and value: the revision that the server promised. */
  readonly acknowledged = new Map<string, bigint>();
  /** In the order in which the watch told them. */
  readonly seen: Seen[] = [];
  /** Requests that failed and were repeated. */
  retries = 0;
  readonly #client: Client;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
  }

  async start(writers: number): Promise<void> {
    const options = { namespace, labelSelector, signal: this.#stop.signal };
    const { resourceVersion } = await this.#client.list<ConfigMap>(configMaps, options);
    const tasks = Array.from({ length: writers }, (_, i) => this.#write(`recorded-${i}`));
    this.#running = Promise.all([...tasks, this.#watch(resourceVersion)]);
  }

  /** Ends the writers; the watch goes on until it has told what the list says. */
  async stop(): Promise<ReadonlyMap<string, string>> {
    this.#stop.abort();
    await this.#running;
    const { items } = await this.#client.list<ConfigMap>(configMaps, {
      namespace,
      labelSelector,
      signal: new AbortController().signal,
    });
    return new Map(items.map(({ metadata, data }) => [metadata.name ?? '', data?.['n'] ?? '']));
  }

  /** Counts one object up, each step only after the one before is known to be stored. */
  async #write(name: string): Promise<void> {
    const { signal } = this.#stop;
    let last: ConfigMap | undefined;
    while (!signal.aborted) {
      try {
        last = await this.#step(name, last);
        this.acknowledged.set(
          `${name}=${last.data?.['n']}`,
          BigInt(last.metadata.resourceVersion ?? 0),
        );
        if (restMs > 0) await pause(restMs);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof StatusError)) throw error;
        this.retries += 1;
        await pause();
        // Whether it was done is not known: read, as anybody has to.
        last = await this.#read(name, last);
      }
    }
  }

  #step(name: string, last: ConfigMap | undefined): Promise<ConfigMap> {
    const next: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace,
        labels: { app: 'recorded' },
        ...(last === undefined ? {} : { resourceVersion: last.metadata.resourceVersion ?? '' }),
      },
      data: { n: String(Number(last?.data?.['n'] ?? 0) + 1) },
    };
    const { signal } = this.#stop;
    return last === undefined
      ? this.#client.create<ConfigMap>(configMaps, next, { signal })
      : this.#client.update<ConfigMap>(configMaps, next, { signal });
  }

  async #read(name: string, last: ConfigMap | undefined): Promise<ConfigMap | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await this.#client.get<ConfigMap>(configMaps, { namespace, name }, { signal });
      } catch (error) {
        if (hasReason(error, 'NotFound')) return undefined;
        if (signal.aborted) return last;
        this.retries += 1;
        await pause();
      }
    }
    return last;
  }

  /** Resumed at whichever server answers, from the last revision it told. */
  async #watch(since: string): Promise<void> {
    const { signal } = this.#stop;
    const options = { namespace, labelSelector, signal };
    let resourceVersion = since;
    for (let number = 0; !signal.aborted; number += 1) {
      try {
        const watch = { ...options, resourceVersion };
        for await (const event of this.#client.watch<ConfigMap>(configMaps, watch)) {
          if (event.type === 'BOOKMARK') {
            resourceVersion = event.resourceVersion;
            continue;
          }
          const { metadata, data } = event.object;
          resourceVersion = metadata.resourceVersion ?? '';
          const revision = BigInt(resourceVersion);
          const name = metadata.name ?? '';
          this.seen.push({ watch: number, revision, name, value: data?.['n'] ?? '' });
        }
      } catch (error) {
        if (signal.aborted) return;
        // What is too old to be resumed would be a lost event.
        if (hasReason(error, 'Expired')) throw error;
      }
      await pause();
    }
  }
}

function pause(ms = retryMs): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
