/** WATCH: a stream of changes from a revision on, with bookmarks, initial events and selectors. */
import type { JsonObject } from '../../api/meta.ts';
import { formatApiVersion } from '../../api/meta.ts';
import { badRequest, type FieldError, invalid, StatusError } from '../../api/status.ts';
import { type Revision, StoreError } from '../../store/store.ts';
import type { ApiResponse } from '../request/request.ts';
import { flag } from '../request/request-info.ts';
import { type Cached, fromObject } from '../storage/cached.ts';
import { kindPrefix, listPrefix } from '../storage/keys.ts';
import type { CacheEvent } from '../storage/resource-cache.ts';
import { stringifyJson } from '../wire/json.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { type EventEncoder, eventEncoder } from './respond.ts';
import { type Selection, selectionOf } from './select.ts';
import { parseRevision } from './update.ts';
import { viewOf } from './view.ts';

/** Without `timeoutSeconds` a watch lasts a random time between this and twice this, as upstream's. */
const minTimeoutSeconds = 1_800;
const bookmarkEveryMs = 15_000;

interface WatchParameters {
  readonly since: Revision;
  /** Objects that are sent as ADDED before the changes. */
  readonly initial: readonly Cached[];
  /** Ends the initial events with an annotated bookmark. */
  readonly sendInitialEvents: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** A watch that cannot be served is refused before its head is sent; later trouble is an ERROR event. */
export async function watch(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const selection = selectionOf(request);
  const parameters = await watchParameters(deps, request);
  const encoder = eventEncoder(deps, request);
  const cut = new AbortController();
  return {
    status: 200,
    headers: { 'content-type': encoder.contentType, 'cache-control': 'no-cache, private' },
    body: stream(deps, request, parameters, selection, encoder, cut),
    cut: cut.signal,
  };
}

async function watchParameters(deps: VerbDeps, request: KindRequest): Promise<WatchParameters> {
  const { query, signal } = request.request;
  const { cache } = deps.objects;
  const version = query.get('resourceVersion') ?? '';
  const send = query.get('sendInitialEvents');
  checkInitialEvents(query);
  const sendInitialEvents = send === 'true' || send === '1';
  const timeout = timeoutMs(deps, query);
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const prefix = prefixFor(request);
  const fixed = version !== '' && version !== '0';
  if (sendInitialEvents || (!fixed && send === null)) {
    if (!fixed && version === '') await cache.fresh(signal);
    else if (fixed) await cache.reach(parseRevision(version), signal);
    const initial = cache.list(prefix);
    return { since: cache.revision, initial, sendInitialEvents, bookmarks, timeoutMs: timeout };
  }
  const since = fixed ? parseRevision(version) : cache.revision;
  return { since, initial: [], sendInitialEvents: false, bookmarks, timeoutMs: timeout };
}

function prefixFor({ kind, info }: KindRequest): string {
  return kind.namespaced ? listPrefix(kind, info.namespace) : kindPrefix(kind);
}

function timeoutMs(deps: VerbDeps, query: URLSearchParams): number {
  const text = query.get('timeoutSeconds') ?? '';
  if (text !== '' && !/^\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const seconds = Number(text) || minTimeoutSeconds * (1 + deps.random.fraction());
  return seconds * 1_000;
}

function checkInitialEvents(query: URLSearchParams): void {
  const send = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  const forbid = (field: string, why: string) =>
    errors.push({ field, type: 'FieldValueForbidden', message: `Forbidden: ${why}` });
  if (send === null && match !== '')
    forbid(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  if (send !== null && match !== 'NotOlderThan')
    forbid(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

/** Yields one chunk per batch; ends at the timeout with a last bookmark. */
async function* stream(
  deps: VerbDeps,
  request: KindRequest,
  parameters: WatchParameters,
  selection: Selection,
  encoder: EventEncoder,
): AsyncGenerator<Uint8Array> {
  const initial = parameters.initial.filter((cached) =>
    selection.matches(viewOf(cached, request.kind).object),
  );
  const chunks = initial.map((cached) => encoder.object('ADDED', cached));
  if (parameters.sendInitialEvents && parameters.bookmarks)
    chunks.push(bookmark(request, encoder, parameters.since, true));
  if (chunks.length > 0) yield Buffer.concat(chunks);
  const local = new AbortController();
  const onGone = () => local.abort();
  request.request.signal.addEventListener('abort', onGone, { once: true });
  if (request.request.signal.aborted) local.abort();
  try {
    yield* changes(deps, request, parameters, selection, encoder, local);
  } catch (error) {
    if (!local.signal.aborted) yield errorEvent(error);
  } finally {
    request.request.signal.removeEventListener('abort', onGone);
    local.abort();
  }
}

async function* changes(
  deps: VerbDeps,
  request: KindRequest,
  parameters: WatchParameters,
  selection: Selection,
  encoder: EventEncoder,
  local: AbortController,
): AsyncGenerator<Uint8Array> {
  const prefix = prefixFor(request);
  const subscription = deps.objects.cache.subscribe(prefix, parameters.since);
  const source = subscription ?? deps.objects.history(prefix, parameters.since, local.signal);
  const iterator = source[Symbol.asyncIterator]();
  const stop = () => subscription?.end();
  local.signal.addEventListener('abort', stop, { once: true });
  const endsAtMs = deps.clock.now() + parameters.timeoutMs;
  let sent = parameters.since;
  let next = iterator.next();
  try {
    while (!local.signal.aborted) {
      const leftMs = endsAtMs - deps.clock.now();
      const waitMs = Math.max(0, Math.min(leftMs, bookmarkEveryMs));
      const result = await nextOrTimeout(next, waitMs, deps, local.signal);
      if (result === 'timeout') {
        const over = deps.clock.now() >= endsAtMs;
        if (subscription !== undefined) sent = deps.objects.cache.revision;
        if (parameters.bookmarks) yield bookmark(request, encoder, sent, false);
        if (over) return;
        continue;
      }
      if (result.done === true) {
        if (subscription?.ended === 'expired') throw expired(sent);
        return;
      }
      next = iterator.next();
      const events = result.value.filter((event) => event.revision > parameters.since);
      const chunks = events.flatMap((event) => encodeEvent(event, request, selection, encoder));
      sent = events[events.length - 1]?.revision ?? sent;
      if (chunks.length > 0) yield chunks.length === 1 ? first(chunks) : Buffer.concat(chunks);
    }
  } finally {
    local.abort();
    // A pending read ends with the abort; its outcome is of no interest any more.
    next.catch(() => undefined);
    await iterator.return?.(undefined);
  }
}

function first(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks[0] ?? new Uint8Array();
}

async function nextOrTimeout<T>(
  next: Promise<T>,
  waitMs: number,
  deps: VerbDeps,
  signal: AbortSignal,
): Promise<T | 'timeout'> {
  const timer = new AbortController();
  const stop = () => timer.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const timeout = deps.clock.sleep(waitMs, timer.signal).then(
      () => 'timeout' as const,
      () => new Promise<never>(() => undefined),
    );
    return await Promise.race([next, timeout]);
  } finally {
    timer.abort();
    signal.removeEventListener('abort', stop);
  }
}

/** A change of the store as this watcher sees it: entering its selection is ADDED, leaving DELETED. */
function encodeEvent(
  event: CacheEvent,
  { kind }: KindRequest,
  selection: Selection,
  encoder: EventEncoder,
): Uint8Array[] {
  const { previous } = event;
  const was = previous !== undefined && selection.matches(viewOf(previous, kind).object);
  if (event.type === 'put') {
    const is = selection.matches(viewOf(event.current, kind).object);
    if (is) return [encoder.object(was ? 'MODIFIED' : 'ADDED', event.current)];
  }
  if (!was || previous === undefined) return [];
  // The object as it was, with the version of the change that took it away.
  return [encoder.object('DELETED', fromObject(previous.key, previous.object, event.revision))];
}

function bookmark(
  { kind }: KindRequest,
  encoder: EventEncoder,
  revision: Revision,
  initialEnd: boolean,
): Uint8Array {
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
  const status =
    error instanceof StatusError
      ? error
      : error instanceof StoreError && error.reason === 'Compacted'
        ? new StatusError(410, 'Expired', `too old resource version: ${error.message}`)
        : new StatusError(500, 'InternalError', String(error));
  return Buffer.from(`${stringifyJson({ type: 'ERROR', object: status.toStatus() as never })}\n`);
}
