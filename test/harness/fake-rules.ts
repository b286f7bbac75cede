/** Small rules of the fake apiserver. */
import {
  type JsonObject,
  type KubeObject,
  keyOf,
  type ObjectKey,
  type Resource,
} from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { DeleteOptions, WatchEvent, WatchOptions, WriteOptions } from '../../client/client.ts';
import { asJson } from './fake-merge.ts';
import { matchesSelectors } from './fake-selectors.ts';

export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  readonly old?: KubeObject;
}

export function visible<T extends KubeObject>(
  change: Change,
  options: WatchOptions,
): WatchEvent<T> | undefined {
  const is = change.type !== 'DELETED' && matchesSelectors(change.object, options);
  const was = change.old !== undefined && matchesSelectors(change.old, options);
  const object = change.object as T; // The caller names the kind.
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object };
  return was ? { type: 'DELETED', object } : undefined;
}

export function graceOf(resource: Resource, object: KubeObject, options: DeleteOptions): number {
  if (resource.resource !== 'pods' && resource.resource !== 'vms') return 0;
  const spec = asJson(object)['spec'] as JsonObject | undefined; // Theirs are objects.
  if (spec?.['nodeName'] === undefined) return 0;
  return options.gracePeriodSeconds ?? 30;
}

export function hasSpecFinalizers(object: KubeObject): boolean {
  if (object.kind !== 'Namespace') return false;
  const spec = asJson(object)['spec'] as JsonObject | undefined; // A namespace's spec is an object.
  const finalizers = spec?.['finalizers'];
  return Array.isArray(finalizers) && finalizers.length > 0;
}

export function specOf(object: JsonObject): JsonObject {
  const { metadata: _m, status: _s, ...rest } = object;
  return rest;
}

export function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export function isList(patch: JsonObject | readonly JsonObject[]): patch is readonly JsonObject[] {
  return Array.isArray(patch);
}

export function idOf({ group, resource }: Resource): string {
  return `${group}/${resource}`;
}

export function text(key: ObjectKey): string {
  return keyOf({ metadata: key });
}

export function sub({ subresource }: WriteOptions): { subresource?: string } {
  return subresource === undefined ? {} : { subresource };
}

export function expired(since: number, compacted: number): StatusError {
  return new StatusError(410, 'Expired', `too old resource version: ${since} (${compacted})`);
}
