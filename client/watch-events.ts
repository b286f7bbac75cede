import { formatApiVersion, type KubeObject, type Resource } from '../api/meta.ts';
import { type Status, StatusError } from '../api/status.ts';
import type { WatchEvent } from './client.ts';
import { networkError, statusError } from './exchange.ts';
import { readLines } from './lines.ts';

/** Reads a watch response as events; an ERROR event, a broken stream or bad JSON throw `StatusError`. */
export async function* watchEvents<T extends KubeObject>(
  open: () => Promise<AsyncIterable<Uint8Array>>,
  resource: Resource,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, void> {
  const lines = readLines(await open());
  try {
    for (;;) {
      const next = await lines.next().catch((error: unknown) => {
        throw networkError(error, { method: 'WATCH', path: resource.resource, signal });
      });
      if (next.done) {
        signal.throwIfAborted();
        return;
      }
      yield parseEvent<T>(next.value, resource);
    }
  } finally {
    await lines.return();
  }
}

interface WireEvent {
  readonly type: string;
  readonly object: KubeObject;
}

function parseEvent<T extends KubeObject>(line: string, resource: Resource): WatchEvent<T> {
  const { type, object } = parseJson(line);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      // The caller names the kind it watches; the server sends nothing else on this path.
      return { type, object: typed(object, resource) as T };
    case 'BOOKMARK':
      return { type, resourceVersion: object.metadata.resourceVersion ?? '' };
    case 'ERROR':
      // An ERROR event carries a Status where others carry the object.
      throw statusError(object as unknown as Partial<Status>, 500);
    default:
      throw new StatusError(500, 'InternalError', `unknown watch event type "${type}"`);
  }
}

function parseJson(line: string): WireEvent {
  try {
    // The protocol promises this shape; `type` is checked by the caller.
    return JSON.parse(line) as WireEvent;
  } catch (cause) {
    const message = 'a line of the watch stream is not JSON';
    throw new StatusError(500, 'InternalError', message, undefined, { cause });
  }
}

function typed(object: KubeObject, resource: Resource): KubeObject {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  const apiVersion = formatApiVersion(resource.group, resource.version);
  return { ...object, apiVersion, kind: resource.kind };
}
