/** Writes `v1` Events about objects: repeated ones become a count, floods are cut off. */
import type { Event } from '../api/kinds.gen.ts';
import type { KubeObject } from '../api/meta.ts';
import { events } from '../api/resources.gen.ts';
import { hasReason, type Status } from '../api/status.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { Client } from './client.ts';
import { statusError } from './exchange.ts';
import { retryLevel } from './retry-level.ts';

export interface EventInput {
  /** The object that the event is about. */
  readonly involvedObject: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, one of a small set. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorder {
  /** Returns at once and never throws; what cannot be written is logged and dropped. */
  recordEvent(event: EventInput): void;
  /** Resolves when all that was recorded so far is written or dropped. */
  flush(): Promise<void>;
  /** Drops what is not yet written. */
  stop(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Who reports: `workload-controller`. */
  readonly component: string;
  /** The node, where it is one that reports. */
  readonly host?: string;
  /** Where Berth's own server is asked: what waits to be written goes many to a request. */
  readonly together?: boolean;
  /** How many write at once; those about one object in their order. @default 8 */
  readonly writers?: number;
}

/** Events that wait to be written; further ones are dropped. */
const queueMax = 1_000;

const writersDefault = 8;

/** So many go in one request, where they go together. */
const togetherMax = 100;
const listPath = '/apis/berth.dev/v1/events';

/** Series and buckets that are remembered. */
const rememberedMax = 4_096;

/** Per object: so many at once, then one per `refillMs`. Source: client-go tools/record. */
const burst = 25;
const refillMs = 300_000;

/** Ten different messages of one reason within ten minutes become one series. */
const similarMax = 10;
const similarWindowMs = 600_000;

const messageLengthMax = 1_024;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
}

/** One that begins a series. */
interface Fresh {
  readonly key: string;
  readonly reason: string;
  object(): EventObject;
}

type EventObject = Event & { readonly metadata: Omit<Series, 'count'> };

interface ListAnswer {
  readonly items: readonly { readonly error?: Status }[];
}

interface Similar {
  readonly messages: Set<string>;
  sinceMs: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();
  readonly #similar = new Map<string, Similar>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #queue: EventInput[] = [];
  readonly #stop = new AbortController();
  readonly #writers = new Set<Promise<void>>();
  /** Objects about which something is being written. */
  readonly #busy = new Set<string>();
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  recordEvent(event: EventInput): void {
    if (this.#stop.signal.aborted) return;
    if (this.#queue.length >= queueMax) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(event);
    if (this.#writers.size < (this.#options.writers ?? writersDefault)) this.#beginWriter();
  }

  #beginWriter(): void {
    const writer = this.#drain().finally(() => {
      this.#writers.delete(writer);
      // What came while the last one ended.
      if (this.#writers.size === 0 && this.#queue.length > 0) this.#beginWriter();
    });
    this.#writers.add(writer);
  }

  async flush(): Promise<void> {
    while (this.#writers.size > 0) await Promise.all(this.#writers);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the event recorder was stopped'));
    await this.flush();
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // Lets the caller of `recordEvent` go on first.
    for (let taken = this.#take(); taken.length > 0; taken = this.#take()) {
      if (this.#stop.signal.aborted) continue;
      const abouts = taken.map(aboutOf);
      for (const about of abouts) this.#busy.add(about);
      await this.#write(taken);
      for (const about of abouts) this.#busy.delete(about);
    }
    if (this.#dropped > 0) this.#options.log.warn({ dropped: this.#dropped }, 'events dropped');
    this.#dropped = 0;
  }

  /**
   * The oldest, one about each object, and none that is about an object of which another writer has one: that one goes
   * on with it.
   */
  #take(): EventInput[] {
    const most = this.#options.together === true ? togetherMax : 1;
    const taken: EventInput[] = [];
    const about = new Set<string>();
    for (let i = 0; i < this.#queue.length && taken.length < most; ) {
      const event = this.#queue[i];
      const key = event === undefined ? '' : aboutOf(event);
      if (event === undefined || this.#busy.has(key) || about.has(key)) i += 1;
      else {
        this.#queue.splice(i, 1);
        about.add(key);
        taken.push(event);
      }
    }
    return taken;
  }

  /** Never rejects: what cannot be written is logged and dropped. */
  async #write(taken: readonly EventInput[]): Promise<void> {
    const fresh: Fresh[] = [];
    const repeated: Promise<void>[] = [];
    for (const event of taken) {
      const about = aboutOf(event);
      if (!this.#takeToken(about)) continue;
      const message = this.#combined(about, event);
      const key = `${about}/${event.type}/${event.reason}/${message}`;
      const made = { key, reason: event.reason, object: () => this.#eventObject(event, message) };
      const known = this.#series.get(key);
      if (known === undefined) fresh.push(made);
      else repeated.push(this.#logged(event.reason, () => this.#count(known, message, made)));
    }
    const created = fresh.length > 1 ? this.#createAll(fresh) : fresh.map((one) => this.#tell(one));
    await Promise.all([...repeated, created].flat());
  }

  async #count(known: Series, message: string, fresh: Fresh): Promise<void> {
    try {
      known.count += 1;
      const patch = { count: known.count, lastTimestamp: this.#now(), message };
      await this.#options.client.patch(events, known, patch, { signal: this.#stop.signal });
    } catch (error) {
      // Events are deleted after a while; then the series starts over.
      if (!hasReason(error, 'NotFound')) throw error;
      await this.#create(fresh);
    }
  }

  #tell(fresh: Fresh): Promise<void> {
    return this.#logged(fresh.reason, () => this.#create(fresh));
  }

  async #create({ key, object }: Fresh): Promise<void> {
    const made = object();
    await this.#options.client.create(events, made, { signal: this.#stop.signal });
    this.#created(key, made.metadata);
  }

  async #createAll(all: readonly Fresh[]): Promise<void> {
    const items = all.map(({ object }) => object());
    const body = { kind: 'EventList', apiVersion: 'berth.dev/v1', items };
    const { signal } = this.#stop;
    await this.#logged(all[0]?.reason ?? '', async () => {
      const answer = await this.#options.client.post<ListAnswer>(listPath, body, { signal });
      for (const [index, { key, reason }] of all.entries()) {
        const error = answer.items[index]?.error;
        const made = items[index];
        if (error !== undefined) this.#failed(reason, statusError(error, 500));
        else if (made !== undefined) this.#created(key, made.metadata);
      }
    });
  }

  #created(key: string, { name, namespace }: Omit<Series, 'count'>): void {
    remember(this.#series, key, { name, namespace, count: 1 });
  }

  async #logged(reason: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(reason, error);
    }
  }

  #failed(reason: string, error: unknown): void {
    const { log } = this.#options;
    if (this.#stop.signal.aborted) return;
    // Its namespace is going: nobody will look for it there.
    if (hasReason(error, 'Forbidden', 'NotFound')) log.debug({ reason }, 'event refused');
    else log[retryLevel(error)]({ err: error, reason }, 'event not written');
  }

  /** Differing messages of one reason, once there are too many, count as the same. */
  #combined(about: string, { type, reason, message }: EventInput): string {
    const nowMs = this.#options.clock.now();
    const key = `${about}/${type}/${reason}`;
    const similar = this.#similar.get(key) ?? { messages: new Set<string>(), sinceMs: nowMs };
    if (nowMs - similar.sinceMs > similarWindowMs) {
      similar.messages.clear();
      similar.sinceMs = nowMs;
    }
    const text = message.slice(0, messageLengthMax);
    if (similar.messages.size < similarMax) similar.messages.add(text);
    remember(this.#similar, key, similar);
    return similar.messages.has(text) ? text : `(combined from similar events): ${reason}`;
  }

  #takeToken(about: string): boolean {
    const nowMs = this.#options.clock.now();
    const bucket = this.#buckets.get(about) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
    remember(this.#buckets, about, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #eventObject({ involvedObject, type, reason }: EventInput, message: string): EventObject {
    const { component, host, random } = this.#options;
    const { name = '', namespace = 'default', uid, resourceVersion } = involvedObject.metadata;
    const now = this.#now();
    return {
      apiVersion: 'v1',
      kind: 'Event',
      // Cut where no word ends in a dot or a hyphen, which no name may have.
      metadata: {
        name: `${name.slice(0, 230).replace(/[-.]+$/, '')}.${random.suffix(12)}`,
        namespace,
      },
      involvedObject: {
        apiVersion: involvedObject.apiVersion,
        kind: involvedObject.kind,
        name,
        ...(involvedObject.metadata.namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type,
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function aboutOf({ involvedObject: { kind, metadata } }: EventInput): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name}/${metadata.uid}`;
}

/** Keeps the most recently used `rememberedMax` entries. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= rememberedMax) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
