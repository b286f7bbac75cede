/** WATCH: a stream of changes from a revision on, with bookmarks, initial events and selectors. */

import { queryFlag } from '../../api/query-flag.ts';
import { badRequest, type FieldError, invalid } from '../../api/status.ts';
import { placeOf } from '../registry/served-kind.ts';
import type { ApiResponse } from '../request/request.ts';
import { kindPrefix, listPrefix } from '../storage/keys.ts';
import { parseRevision } from './asked-object.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { eventEncoder } from './respond.ts';
import { selectionOf } from './select.ts';
import { prepareViews } from './view.ts';
import { type WatchParameters, watchStream } from './watch-stream.ts';

/** Without `timeoutSeconds` a watch lasts a random time between this and twice this, as upstream's. */
const minTimeoutSeconds = 1_800;

/** A watch that cannot be served is refused before its head is sent; later trouble is an ERROR event. */
export async function watch(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const selection = selectionOf(request);
  const parameters = await watchParameters(deps, request);
  await prepareViews(deps, request, parameters.initial);
  const encoder = eventEncoder(deps, request);
  const cut = new AbortController();
  return {
    status: 200,
    headers: { 'content-type': encoder.contentType, 'cache-control': 'no-cache, private' },
    body: watchStream({ deps, request, parameters, selection, encoder, cut }),
    cut: cut.signal,
  };
}

async function watchParameters(deps: VerbDeps, request: KindRequest): Promise<WatchParameters> {
  const { query, signal } = request.request;
  const { cache } = deps.objects;
  const version = query.get('resourceVersion') ?? '';
  checkInitialEvents(query);
  const sendInitialEvents = queryFlag(query, 'sendInitialEvents');
  const common = {
    prefix: prefixFor(request),
    sendInitialEvents,
    bookmarks: queryFlag(query, 'allowWatchBookmarks'),
    timeoutMs: timeoutMs(deps, query),
  };
  const fixed = version !== '' && version !== '0';
  if (sendInitialEvents || (!fixed && !query.has('sendInitialEvents'))) {
    if (version === '') await cache.fresh(signal);
    else if (fixed) await cache.reach(parseRevision(version), signal);
    const initial = cache.list(common.prefix);
    return { ...common, since: cache.revision, goesOn: false, initial };
  }
  const since = fixed ? parseRevision(version) : cache.revision;
  // After a restore a client may know revisions that this store does not have: it must list again.
  await cache.reach(since, signal);
  return { ...common, since, goesOn: fixed, initial: [] };
}

function prefixFor({ kind, info }: KindRequest): string {
  const place = placeOf(kind);
  return kind.namespaced ? listPrefix(place, info.namespace) : kindPrefix(place);
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
