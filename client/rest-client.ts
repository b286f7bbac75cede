/** The `Client` over a `Transport`: builds requests, reads answers, and throws `StatusError` only. */
import {
  formatApiVersion,
  type JsonObject,
  type KubeObject,
  type ObjectKey,
  type Resource,
} from '../api/meta.ts';
import { StatusError } from '../api/status.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Clock } from '../lib/clock.ts';
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
} from './client.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { collectionPath, objectPath, type Query, withQuery } from './paths.ts';
import type { Transport } from './transport.ts';
import { watchEvents } from './watch-events.ts';

export interface ClientOptions {
  /** `name/version`; the part before the slash is the default field manager. */
  readonly userAgent: string;
  readonly clock: Clock;
}

/** Objects per page of a list. */
const listPageLimit = 500;

/** How often one list starts over because its pages expired. */
const listRestartsMax = 3;

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** A client for one apiserver as one user; keeps no state of its own. */
export function createClient(transport: Transport, options: ClientOptions): Client {
  return new RestClient(openExchange(transport, options));
}

class RestClient implements Client {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  async get<T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    { signal, subresource }: GetOptions,
  ): Promise<T> {
    const path = objectPath(resource, key, subresource);
    return this.#exchange.call<T>({ method: 'GET', path, signal });
  }

  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
  ): Promise<ObjectList<T>> {
    for (let restarts = 0; ; restarts += 1) {
      try {
        return await this.#listPages<T>(resource, options);
      } catch (error) {
        if (!isExpired(error) || restarts >= listRestartsMax) throw error;
      }
    }
  }

  watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    const path = withQuery(collectionPath(resource, options.namespace), {
      watch: 1,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
      ...selectors(options),
    });
    const open = () => this.#exchange.open({ method: 'GET', path, signal: options.signal });
    return watchEvents<T>(open, resource, options.signal);
  }

  async create<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: WriteOptions,
  ): Promise<T> {
    const { namespace, name = '' } = object.metadata;
    const path =
      options.subresource === undefined
        ? collectionPath(resource, namespace)
        : objectPath(resource, keyIn(namespace, name), options.subresource);
    return this.#write<T>('POST', path, object, options);
  }

  async update<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: WriteOptions,
  ): Promise<T> {
    const { namespace, name = '' } = object.metadata;
    const path = objectPath(resource, keyIn(namespace, name), options.subresource);
    return this.#write<T>('PUT', path, object, options);
  }

  async patch<T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    patch: JsonObject | readonly JsonObject[],
    options: PatchOptions,
  ): Promise<T> {
    const path = objectPath(resource, key, options.subresource);
    const contentType = patchTypes[options.type ?? 'merge'];
    return this.#write<T>('PATCH', path, patch, options, { contentType });
  }

  async apply<T extends KubeObject>(
    resource: Resource,
    object: JsonObject & KubeObject,
    options: ApplyOptions,
  ): Promise<T> {
    const { namespace, name = '' } = object.metadata;
    const path = objectPath(resource, keyIn(namespace, name), options.subresource);
    const force = options.force ?? false;
    return this.#write<T>('PATCH', path, object, options, { contentType: patchTypes.apply, force });
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void> {
    const { signal, propagationPolicy, gracePeriodSeconds, preconditions } = options;
    const path = objectPath(resource, key);
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy,
      gracePeriodSeconds,
      preconditions,
    };
    await this.#exchange.call<unknown>({ method: 'DELETE', path, body, signal });
  }

  async read<T>(path: string, { signal }: CallOptions): Promise<T> {
    return this.#exchange.call<T>({ method: 'GET', path, signal });
  }

  async post<T>(path: string, body: unknown, { signal }: CallOptions): Promise<T> {
    return this.#exchange.call<T>({ method: 'POST', path, body, signal });
  }

  async #listPages<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
  ): Promise<ObjectList<T>> {
    const { namespace, resourceVersion, signal } = options;
    const items: T[] = [];
    for (let token: string | undefined; ; ) {
      const path = withQuery(collectionPath(resource, namespace), {
        limit: listPageLimit,
        continue: token,
        // The first page fixes the revision; a later one must not name it again.
        resourceVersion: token === undefined ? resourceVersion : undefined,
        ...selectors(options),
      });
      const page = await this.#exchange.call<ListBody<T>>({ method: 'GET', path, signal });
      for (const item of page.items ?? []) items.push(typed(item, resource));
      token = page.metadata.continue;
      if (token === undefined || token === '') {
        return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
      }
    }
  }

  #write<T>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    body: unknown,
    { signal, fieldManager, dryRun }: WriteOptions,
    { contentType, force }: { contentType?: string; force?: boolean } = {},
  ): Promise<T> {
    const query: Query = { fieldManager, force, dryRun: dryRun ? 'All' : undefined };
    return this.#exchange.call<T>({
      method,
      path: withQuery(path, query),
      body,
      signal,
      ...(contentType === undefined ? {} : { contentType }),
    });
  }
}

interface ListBody<T> {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** Items of built-in lists come without kind; ours always have one. */
function typed<T extends KubeObject>(item: T, resource: Resource): T {
  if (item.kind !== undefined && item.apiVersion !== undefined) return item;
  const apiVersion = formatApiVersion(resource.group, resource.version);
  return { ...item, apiVersion, kind: resource.kind };
}

function selectors({ labelSelector, fieldSelector }: ListOptions): Query {
  return { labelSelector, fieldSelector };
}

function keyIn(namespace: string | undefined, name: string): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

/**
 * Whether the server has forgotten the revision that was asked for, or has never had it: its store
 * was filled from a backup.
 */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  const causes = error.details?.causes ?? [];
  return error.code === 410 || causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');
}
