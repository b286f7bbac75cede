/**
 * A small apiserver in memory behind the `Client` interface, for tests of controllers: revisions,
 * conflicts, watches, finalizers and graceful deletion as upstream; no validation, no access control.
 */
import {
  type JsonObject,
  type KubeObject,
  keyOf,
  type ObjectKey,
  type ObjectMeta,
  type Resource,
} from '../../api/meta.ts';
import { events } from '../../api/resources.gen.ts';
import { alreadyExists, conflict, notFound, StatusError, staleObject } from '../../api/status.ts';
import type {
  ApplyOptions,
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectList,
  PatchOptions,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';

export { kind, object } from './fake-objects.ts';

import { discoveryAnswer } from './fake-discovery.ts';
import { applyFields, asJson, mergePatch, sameJson, unapply } from './fake-merge.ts';
import {
  type Change,
  expired,
  graceOf,
  hasSpecFinalizers,
  idOf,
  isList,
  specOf,
  sub,
  text,
  visible,
  withoutUndefined,
} from './fake-rules.ts';
import { matchesSelectors } from './fake-selectors.ts';

export interface Call {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete';
  readonly resource: Resource;
  /** `namespace/name`; empty for list and watch. */
  readonly key: string;
  readonly subresource?: string;
}

interface OpenWatch {
  wake(): void;
  fail(error: Error | undefined): void;
}

/** Kinds whose status can be written only through the subresource. */
const withStatus = new Set([
  'pods',
  'nodes',
  'namespaces',
  'workloads',
  'vms',
  'volumes',
  'volumesnapshots',
  'nodetopologies',
]);

export class FakeApi implements Client {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #stored = new Map<string, Map<string, KubeObject>>();
  /** What each field manager applied last, per object. */
  readonly #applied = new Map<string, JsonObject>();
  #changes: Change[] = [];
  #revision = 100;
  #compacted = 0;
  readonly #watches = new Set<OpenWatch>();
  #delivering = true;
  #held: Resource | undefined;

  /** Kinds that discovery lists; a test may add to it. */
  readonly kinds: Resource[];
  /** Every call so far; a test may clear it. */
  readonly calls: Call[] = [];
  /** Runs before each call; what it throws, the call throws. */
  before: (call: Call) => void | Promise<void> = () => {};
  /** Runs after each delete that was taken, before anything else happens. */
  afterDelete: (resource: Resource, key: string) => void = () => {};

  constructor(options: { clock: Clock; random: Random; kinds?: readonly Resource[] }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.kinds = [...(options.kinds ?? [])];
  }

  get revision(): string {
    return String(this.#revision);
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** What is stored, without a call. */
  all<T extends KubeObject>(resource: Resource): readonly T[] {
    return [...this.#table(resource).values()] as unknown as T[]; // Tests know what they stored.
  }

  peek<T extends KubeObject>(resource: Resource, key: string): T | undefined {
    return this.#table(resource).get(key) as T | undefined; // As above.
  }

  /** Ends all watches as a server does, or breaks them with `error`. */
  endWatches(error?: Error): void {
    for (const watch of [...this.#watches]) watch.fail(error);
  }

  /** Forgets history: watches from before now are refused with 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#changes = [];
  }

  /** Watches bring nothing until `resumeDelivery`. */
  pauseDelivery(): void {
    this.#delivering = false;
  }

  resumeDelivery(): void {
    this.#delivering = true;
    for (const watch of this.#watches) watch.wake();
  }

  /** Watches of this one kind bring nothing until another, or none, is held. */
  hold(resource: Resource | undefined): void {
    this.#held = resource;
    for (const watch of this.#watches) watch.wake();
  }

  async get<T extends KubeObject>(resource: Resource, key: ObjectKey, options: GetOptions) {
    await this.#begin({ verb: 'get', resource, key: text(key) }, options);
    return this.#current(resource, key) as T; // The caller names the kind.
  }

  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
  ): Promise<ObjectList<T>> {
    await this.#begin({ verb: 'list', resource, key: '' }, options);
    const items = [...this.#table(resource).entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object as T) // As above.
      .filter((object) => matchesSelectors(object, options));
    return { items, resourceVersion: this.revision };
  }

  async *watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    await this.#begin({ verb: 'watch', resource, key: '' }, options);
    let since = Number(options.resourceVersion);
    let wake = () => {};
    let ended: { readonly error: Error | undefined } | undefined;
    const watch: OpenWatch = {
      wake: () => wake(),
      fail: (error) => {
        ended = { error };
        wake();
      },
    };
    const onAbort = () => wake();
    options.signal.addEventListener('abort', onAbort);
    this.#watches.add(watch);
    try {
      for (;;) {
        options.signal.throwIfAborted();
        if (ended !== undefined) {
          if (ended.error !== undefined) throw ended.error;
          return;
        }
        if (since < this.#compacted) throw expired(since, this.#compacted);
        const silent = !this.#delivering || this.#held?.resource === resource.resource;
        const change = silent ? undefined : this.#next(resource, since);
        if (change === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        since = change.revision;
        const event = visible<T>(change, options);
        if (event !== undefined) yield event;
      }
    } finally {
      options.signal.removeEventListener('abort', onAbort);
      this.#watches.delete(watch);
    }
  }

  async create<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions) {
    await this.#begin({ verb: 'create', resource, key: keyOf(object) }, options);
    return this.#insert(resource, object) as T; // As above.
  }

  async update<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions) {
    const key = keyOf(object);
    await this.#begin({ verb: 'update', resource, key, ...sub(options) }, options);
    const current = this.#current(resource, object.metadata);
    const wanted = object.metadata.resourceVersion;
    if (wanted !== undefined && wanted !== current.metadata.resourceVersion) {
      throw conflict(resource, object.metadata.name ?? '', staleObject);
    }
    return this.#replace(resource, current, object, options) as T; // As above.
  }

  async patch<T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    patch: JsonObject | readonly JsonObject[],
    options: PatchOptions,
  ) {
    await this.#begin({ verb: 'patch', resource, key: text(key), ...sub(options) }, options);
    if (options.type === 'json' || isList(patch)) {
      throw new StatusError(415, 'UnsupportedMediaType', 'the fake takes merge patches only');
    }
    const current = this.#current(resource, key);
    const next = mergePatch(asJson(current), patch) as unknown as KubeObject; // Still an object.
    const wanted = next.metadata.resourceVersion;
    if (wanted !== current.metadata.resourceVersion) {
      throw conflict(resource, key.name, staleObject);
    }
    return this.#replace(resource, current, next, options) as T; // As above.
  }

  async apply<T extends KubeObject>(
    resource: Resource,
    object: JsonObject & KubeObject,
    options: ApplyOptions,
  ) {
    const key = keyOf(object);
    await this.#begin({ verb: 'apply', resource, key, ...sub(options) }, options);
    const record = `${idOf(resource)}|${key}|${options.fieldManager}|${options.subresource ?? ''}`;
    const current = this.#table(resource).get(key);
    const before = current === undefined ? undefined : this.#applied.get(record);
    this.#applied.set(record, object);
    if (current === undefined) return this.#insert(resource, object) as unknown as T; // As above.
    const kept = before === undefined ? asJson(current) : unapply(asJson(current), before, object);
    const next = applyFields(kept, object) as unknown as KubeObject; // Still an object.
    return this.#replace(resource, current, next, options) as T; // As above.
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void> {
    await this.#begin({ verb: 'delete', resource, key: text(key) }, options);
    const current = this.#current(resource, key);
    const { uid, resourceVersion } = options.preconditions ?? {};
    const { metadata } = current;
    if ((uid ?? metadata.uid) !== metadata.uid) {
      throw conflict(resource, key.name, `the UID in the precondition (${uid}) does not match`);
    }
    if ((resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion) {
      throw conflict(resource, key.name, 'the ResourceVersion in the precondition does not match');
    }
    const finalizers = new Set(metadata.finalizers ?? []);
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    const graceSeconds = graceOf(resource, current, options);
    const namespaceContent = resource.resource === 'namespaces' && hasSpecFinalizers(current);
    if (finalizers.size === 0 && graceSeconds === 0 && !namespaceContent) {
      this.#remove(resource, current);
      this.afterDelete(resource, text(key));
      return;
    }
    this.#store(resource, current, {
      ...current,
      ...(namespaceContent ? { status: { phase: 'Terminating' } } : {}),
      metadata: {
        ...metadata,
        ...(finalizers.size === 0 ? {} : { finalizers: [...finalizers] }),
        generation: (metadata.generation ?? 1) + (metadata.deletionTimestamp === undefined ? 1 : 0),
        deletionTimestamp: metadata.deletionTimestamp ?? this.#now(),
        deletionGracePeriodSeconds: graceSeconds,
      },
    });
    this.afterDelete(resource, text(key));
  }

  async read<T>(path: string, options: CallOptions): Promise<T> {
    options.signal.throwIfAborted();
    return discoveryAnswer(path, this.kinds) as T; // The caller names the type of a path.
  }

  /** Many events at once, as `apiserver/subresources/event-list.ts` takes them. */
  async post<T>(path: string, body: unknown, options: CallOptions): Promise<T> {
    if (path === '/apis/berth.dev/v1/events') {
      const { items } = body as { readonly items: readonly KubeObject[] }; // As a recorder sends it.
      const answers: object[] = [];
      for (const item of items) {
        answers.push(
          await this.create(events, item, options).then(
            () => ({}),
            (error) => {
              if (error instanceof StatusError) return { error: error.toStatus() };
              throw error;
            },
          ),
        );
      }
      return { items: answers } as T; // The caller names the type of a path.
    }
    throw new StatusError(404, 'NotFound', `the fake serves no POST ${path}`);
  }

  async #begin(call: Call, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    this.calls.push(call);
    await this.before(call);
    signal.throwIfAborted();
  }

  #current(resource: Resource, key: { namespace?: string; name?: string }): KubeObject {
    const found = this.#table(resource).get(keyOf({ metadata: key }));
    if (found === undefined) throw notFound(resource, key.name ?? '');
    return found;
  }

  #insert(resource: Resource, object: KubeObject): KubeObject {
    const { generateName, ...given } = object.metadata;
    const name = given.name ?? `${generateName}${this.#random.suffix(5)}`;
    const key = keyOf({ metadata: { ...given, name } });
    if (this.#table(resource).has(key)) throw alreadyExists(resource, name);
    const metadata: ObjectMeta = {
      ...given,
      name,
      uid: this.#random.uuid(),
      creationTimestamp: this.#now(),
      generation: 1,
    };
    const stored = { ...structuredClone(object), metadata };
    if (withStatus.has(resource.resource)) Reflect.deleteProperty(stored, 'status');
    if (resource.resource === 'pods') Object.assign(stored, { status: { phase: 'Pending' } });
    if (resource.resource === 'namespaces') {
      Object.assign(stored, {
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      });
    }
    return this.#store(resource, undefined, stored);
  }

  #replace(
    resource: Resource,
    current: KubeObject,
    next: KubeObject,
    { subresource }: WriteOptions,
  ): KubeObject {
    const old = asJson(current);
    const given = asJson(structuredClone(next));
    let merged: JsonObject;
    if (subresource === 'status') merged = { ...old, status: given['status'] };
    else if (subresource === 'finalize') merged = { ...old, spec: given['spec'] };
    else if (withStatus.has(resource.resource)) merged = { ...given, status: old['status'] };
    else merged = given;
    if (merged['status'] === undefined) delete merged['status'];
    const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } =
      current.metadata;
    const fixed = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
    // As the server: of kinds of its own the status is written with labels and annotations.
    const isFixed = subresource === 'status' && resource.group !== '';
    const metadata = isFixed ? current.metadata : next.metadata;
    const bump = sameJson(specOf(old), specOf(merged)) ? 0 : 1;
    const whole = {
      ...merged,
      metadata: withoutUndefined({
        ...metadata,
        ...fixed,
        resourceVersion: current.metadata.resourceVersion,
        generation: (generation ?? 1) + bump,
      }),
    } as unknown as KubeObject; // Built from two of them.
    if (sameJson(asJson(whole), old)) return current;
    const finalized = (whole.metadata.finalizers ?? []).length === 0;
    const waitsForMore =
      (whole.metadata.deletionGracePeriodSeconds ?? 0) > 0 || hasSpecFinalizers(whole);
    if (deletionTimestamp !== undefined && finalized && !waitsForMore) {
      return this.#remove(resource, whole);
    }
    return this.#store(resource, current, whole);
  }

  #store(resource: Resource, old: KubeObject | undefined, object: KubeObject): KubeObject {
    this.#revision += 1;
    const metadata = { ...object.metadata, resourceVersion: this.revision };
    const stored = { ...object, metadata };
    this.#table(resource).set(keyOf(stored), stored);
    this.#record(resource, old === undefined ? 'ADDED' : 'MODIFIED', stored, old);
    return stored;
  }

  #remove(resource: Resource, object: KubeObject): KubeObject {
    this.#revision += 1;
    const metadata = { ...object.metadata, resourceVersion: this.revision };
    const removed = { ...object, metadata };
    this.#table(resource).delete(keyOf(removed));
    this.#record(resource, 'DELETED', removed, object);
    return removed;
  }

  #record(resource: Resource, type: Change['type'], object: KubeObject, old?: KubeObject): void {
    this.#changes.push({
      revision: this.#revision,
      resource: idOf(resource),
      type,
      object,
      ...(old === undefined ? {} : { old }),
    });
    if (this.#delivering) for (const watch of this.#watches) watch.wake();
  }

  #next(resource: Resource, since: number): Change | undefined {
    const id = idOf(resource);
    // Revisions grow by one from the first kept change, so the place is known.
    const first = this.#changes[0]?.revision ?? 0;
    for (let i = Math.max(since + 1 - first, 0); i < this.#changes.length; i += 1) {
      const change = this.#changes[i];
      if (change?.resource === id) return change;
    }
    return undefined;
  }

  #table(resource: Resource): Map<string, KubeObject> {
    const id = idOf(resource);
    const table = this.#stored.get(id) ?? new Map<string, KubeObject>();
    this.#stored.set(id, table);
    return table;
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
