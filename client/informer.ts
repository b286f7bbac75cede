import type { Observable } from 'rxjs';
import type { KubeObject, Resource } from '../api/meta.ts';
import type { CallOptions } from '../lib/call.ts';

/** A relist is data: what was not named between `init` and `initDone` is gone. */
export type InformerEvent<T> =
  | { readonly type: 'init' }
  | { readonly type: 'initApply'; readonly object: T }
  | { readonly type: 'initDone' }
  /** `old` is the cached object before, where there was one. */
  | { readonly type: 'apply'; readonly object: T; readonly old?: T }
  | { readonly type: 'delete'; readonly object: T };

/** Read-only view of an informer's cache; objects are shared and must not be changed. */
export interface Lister<T extends KubeObject> {
  /** `namespace/name`, or `name`. */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects that the index function of that name put under `value`. */
  byIndex(index: string, value: string): readonly T[];
}

/** One kind's objects, kept up to date by list and watch; it never ends by itself. */
export interface Informer<T extends KubeObject> extends Lister<T> {
  readonly resource: Resource;
  /** Cache changes, after the cache has them. */
  readonly events: Observable<InformerEvent<T>>;
  readonly synced: boolean;
  /** Resolves after the first complete list. */
  untilSynced(options: CallOptions): Promise<void>;
  /** Adds an index before `start`; `values` of an object are where `byIndex` finds it. */
  addIndex(name: string, values: (object: T) => readonly string[]): void;
  start(): void;
  /** Ends the stream and waits for it. */
  stop(): Promise<void>;
}
