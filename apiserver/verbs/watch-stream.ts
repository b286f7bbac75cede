/** The stream of a watch: initial objects, then changes as they come, bookmarks in between. */
import { formatApiVersion, type JsonObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Revision } from '../../store/store.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { type Cached, fromObject, withRevision } from '../storage/cached.ts';
import type { CacheEvent } from '../storage/resource-cache.ts';
import { toStatusError } from '../storage/store-errors.ts';
import type { Subscription } from '../storage/subscription.ts';
import { stringifyJson } from '../wire/json.ts';
import { Batches } from './batches.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import type { EventEncoder } from './respond.ts';
import type { Selection } from './select.ts';
import { prepareViews, viewOf } from './view.ts';

/** How often a quiet watch that wants bookmarks gets one. */
const bookmarkEveryMs = 15_000;

export interface WatchParameters {
  /** What is watched in the store. */
  readonly prefix: string;
  readonly since: Revision;
  /** Whether the client goes on from there, and may not have heard all of that revision. */
  readonly goesOn: boolean;
  /** Objects that are sent as ADDED before the changes. */
  readonly initial: readonly Cached[];
  /** Ends the initial events with an annotated bookmark. */
  readonly sendInitialEvents: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

export interface Watch {
  readonly deps: VerbDeps;
  readonly request: KindRequest;
  readonly parameters: WatchParameters;
  readonly selection: Selection;
  readonly encoder: EventEncoder;
  /** Aborted when the reader is too slow. */
  readonly cut: AbortController;
}

/** Yields chunks of about `chunkBytes`; ends at the timeout with a last bookmark, or when the client goes. */
export async function* watchStream(watch: Watch): AsyncGenerator<Uint8Array> {
  const { request } = watch;
  const { signal } = request.request;
  yield* chunked(initialLines(watch));
  if (signal.aborted) return;
  const local = new AbortController();
  const onGone = () => local.abort();
  signal.addEventListener('abort', onGone, { once: true });
  try {
    yield* changes(watch, local);
  } catch (error) {
    if (!signal.aborted) yield errorEvent(error);
  } finally {
    signal.removeEventListener('abort', onGone);
    local.abort();
  }
}

function* initialLines(watch: Watch): Generator<Uint8Array> {
  const { request, parameters, encoder, selection } = watch;
  for (const cached of parameters.initial)
    if (selection.matches(viewOf(cached, request.kind).object))
      yield encoder.object('ADDED', cached);
  if (parameters.sendInitialEvents && parameters.bookmarks)
    yield bookmark(watch, parameters.since, true);
}

function* linesOf(events: readonly CacheEvent[], watch: Watch): Generator<Uint8Array> {
  for (const event of events) yield* encodeEvent(event, watch);
}

/** Many lines go out at once, but never so many that a reader who does not read costs more than this. */
const chunkBytes = 256 * 1024;

function* chunked(lines: Iterable<Uint8Array>): Generator<Uint8Array> {
  let chunk: Uint8Array[] = [];
  let size = 0;
  for (const line of lines) {
    chunk.push(line);
    size += line.length;
    if (size < chunkBytes) continue;
    yield Buffer.concat(chunk, size);
    chunk = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(chunk, size);
}

async function* changes(watch: Watch, local: AbortController): AsyncGenerator<Uint8Array> {
  const { deps, parameters } = watch;
  const subscription = subscribe(watch, local.signal);
  const source =
    subscription ?? deps.objects.history(parameters.prefix, parameters.since, local.signal);
  const batches = new Batches(source[Symbol.asyncIterator]());
  const endsAtMs = deps.clock.now() + parameters.timeoutMs;
  let sent = parameters.since;
  try {
    while (!local.signal.aborted) {
      const waitMs = Math.max(0, Math.min(endsAtMs - deps.clock.now(), bookmarkEveryMs));
      const batch = await batches.nextWithin(waitMs, deps.clock, local.signal);
      if (batch === 'ended') {
        if (subscription?.ended === 'expired') throw expired(sent);
        return;
      }
      if (batch === 'timeout') {
        // Only when nothing waits to be sent may the client be told that it has seen everything.
        const seen = subscription !== undefined && subscription.queued === 0 && !batches.waiting;
        if (seen) sent = deps.objects.cache.revision;
        if (parameters.bookmarks) yield bookmark(watch, sent, false);
        if (deps.clock.now() >= endsAtMs) return;
        continue;
      }
      await prepareEvents(watch, batch);
      yield* chunked(linesOf(batch, watch));
      sent = batch[batch.length - 1]?.revision ?? sent;
    }
  } finally {
    local.abort();
    await batches.close();
  }
}

/** `undefined` when memory does not reach back that far. Ends with `signal`. */
function subscribe({ deps, parameters, cut }: Watch, signal: AbortSignal) {
  const { prefix, since, goesOn } = parameters;
  const subscription: Subscription | undefined = deps.objects.cache.subscribe(prefix, since, {
    has: goesOn ? 'some' : 'all',
    onSlow: () => cut.abort(),
  });
  signal.addEventListener('abort', () => subscription?.end(), { once: true });
  return subscription;
}

/** A change of the store as this watcher sees it: entering its selection is ADDED, leaving DELETED. */
function encodeEvent(event: CacheEvent, { request, selection, encoder }: Watch): Uint8Array[] {
  const { kind } = request;
  const { previous } = event;
  const was = previous !== undefined && selection.matches(viewOf(previous, kind).object);
  if (event.type === 'put' && selection.matches(viewOf(event.current, kind).object))
    return [encoder.object(was ? 'MODIFIED' : 'ADDED', event.current)];
  if (!was || previous === undefined) return [];
  return [encoder.object('DELETED', deleted(previous, kind, event.revision))];
}

/** The object as it was, with the version of the change that took it away. */
function deleted(previous: Cached, kind: ServedKind, revision: Revision): Cached {
  const object = fromObject(previous.key, previous.object, revision);
  const shown = viewOf(previous, kind).object;
  if (kind.conversion !== undefined)
    object.views.set(kind, { object: withRevision(shown, revision) });
  return object;
}

/** All objects of a batch that a webhook must convert, in one question. */
function prepareEvents({ deps, request }: Watch, events: readonly CacheEvent[]): Promise<void> {
  const objects = events.flatMap((event) => [
    ...(event.previous === undefined ? [] : [event.previous]),
    ...(event.type === 'put' ? [event.current] : []),
  ]);
  return prepareViews(deps, request, objects);
}

function bookmark({ request, encoder }: Watch, revision: Revision, initialEnd: boolean) {
  const { kind } = request;
  const object: JsonObject = {
    kind: kind.kind,
    apiVersion: formatApiVersion(kind.group, kind.version),
    metadata: {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
  return encoder.bookmark(object);
}

function expired(revision: Revision): StatusError {
  return new StatusError(410, 'Expired', `too old resource version: ${revision}`);
}

function errorEvent(error: unknown): Uint8Array {
  const known = toStatusError(error);
  const status =
    known instanceof StatusError ? known : new StatusError(500, 'InternalError', String(error));
  const object = { ...status.toStatus() } as unknown as JsonObject; // A Status is plain JSON.
  return Buffer.from(`${stringifyJson({ type: 'ERROR', object })}\n`);
}
