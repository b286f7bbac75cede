import type { JsonObject, KubeObject, ObjectKey, Resource } from '../api/meta.ts';
import type { CallOptions } from '../lib/call.ts';

/** Every failed call throws `StatusError` (`api/status.ts`); no answer at all is `ServiceUnavailable`, code 503. */
export interface Client {
  get<T extends KubeObject>(resource: Resource, key: ObjectKey, options: GetOptions): Promise<T>;

  /** All objects, read page by page, as of one revision. */
  list<T extends KubeObject>(resource: Resource, options: ListOptions): Promise<ObjectList<T>>;

  /** One watch request: ends when the server ends it; throws `Expired` when the revision is too old. */
  watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;

  create<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions): Promise<T>;

  /** Replaces; `Conflict` when `metadata.resourceVersion` is not the current one. */
  update<T extends KubeObject>(resource: Resource, object: T, options: WriteOptions): Promise<T>;

  /** JSON merge patch (RFC 7386), or another type where named. */
  patch<T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    patch: JsonObject | readonly JsonObject[],
    options: PatchOptions,
  ): Promise<T>;

  /** Server-side apply of `object`'s fields under `fieldManager`; `Conflict` unless `force`. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: JsonObject & KubeObject,
    options: ApplyOptions,
  ): Promise<T>;

  /** Resolves also when the object only got a deletion timestamp; `NotFound` when it is absent. */
  delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void>;

  /** GET of a path the other methods do not cover (discovery). */
  read<T>(path: string, options: CallOptions): Promise<T>;

  /** POST to a path the other methods do not cover (`bindings`, `eviction`). */
  post<T>(path: string, body: unknown, options: CallOptions): Promise<T>;
}

export interface GetOptions extends CallOptions {
  readonly subresource?: string;
}

export interface ListOptions extends CallOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** `0` = whatever the server has at hand; absent = linearizable. */
  readonly resourceVersion?: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds?: number;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Nothing happened up to this revision. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string;
  readonly subresource?: string;
  readonly dryRun?: boolean;
}

export interface PatchOptions extends WriteOptions {
  readonly type?: 'merge' | 'json' | 'strategic';
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}
