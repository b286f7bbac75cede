/** GET of one object and LIST, with resourceVersion in all its meanings and paging. */

import { badRequest, type FieldError, invalid, notFound, StatusError } from '../../api/status.ts';
import type { Revision } from '../../store/store.ts';
import { placeOf } from '../registry/served-kind.ts';
import type { ApiResponse } from '../request/request.ts';
import { forbiddenField, notSupported } from '../schema/field-error.ts';
import { type Cached, decodeEntry } from '../storage/cached.ts';
import { listPrefix } from '../storage/keys.ts';
import { parseRevision } from './asked-object.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { currentObject } from './on-current.ts';
import { respondList, respondObject, type Selected } from './respond.ts';
import { selectionOf } from './select.ts';
import { prepareViews, viewOf } from './view.ts';

/** How many entries one read of an exact revision takes from the store. */
const storePage = 500;

export async function get(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  const version = request.request.query.get('resourceVersion') ?? '';
  if (version !== '' && version !== '0')
    await deps.objects.cache.reach(parseRevision(version), request.request.signal);
  const stored = await currentObject(deps, request);
  if (stored === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  return respondObject(deps, request, stored, 200);
}

export async function list(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  return respondList(deps, request, await selectedObjects(deps, request));
}

/** The objects that a list or deletecollection is about. */
export async function selectedObjects(deps: VerbDeps, request: KindRequest): Promise<Selected> {
  const { query, signal } = request.request;
  const { kind, info } = request;
  const limit = limitOf(query);
  const version = query.get('resourceVersion') ?? '';
  const token = query.get('continue') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  checkVersion(version);
  if (query.has('sendInitialEvents'))
    throw listOptionsError('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  checkVersionMatch(version, match, token);
  const prefix = listPrefix(placeOf(kind), kind.namespaced ? info.namespace : '');
  if (token !== '') {
    if (version !== '' && version !== '0')
      throw badRequest('specifying resource version is not allowed when using continue');
    const { at, after } = decodeContinue(token, prefix);
    return fromStore(deps, request, { prefix, limit, after, at: at < 0n ? undefined : at });
  }
  if (version !== '' && version !== '0' && (match === 'Exact' || (limit > 0 && match === '')))
    return fromStore(deps, request, {
      prefix,
      limit,
      after: undefined,
      at: parseRevision(version),
    });
  const { cache } = deps.objects;
  if (version === '') await cache.fresh(signal);
  else if (version !== '0') await cache.reach(parseRevision(version), signal);
  return fromCache(deps, request, prefix, version === '0' ? 0 : limit);
}

async function fromCache(
  deps: VerbDeps,
  request: KindRequest,
  prefix: string,
  limit: number,
): Promise<Selected> {
  const selection = selectionOf(request);
  const { cache } = deps.objects;
  const { revision } = cache;
  const all = cache.list(prefix);
  if (!selection.everything) await prepareViews(deps, request, all);
  const found = selection.everything
    ? all
    : all.filter((cached) => selection.matches(viewOf(cached, request.kind).object));
  if (limit === 0 || found.length <= limit) return { objects: found, revision };
  const objects = found.slice(0, limit);
  const last = objects[objects.length - 1]?.key ?? prefix;
  return {
    objects,
    revision,
    continueToken: encodeContinue(revision, last, prefix),
    ...(selection.everything ? { remaining: found.length - limit } : {}),
  };
}

interface StoreRead {
  readonly prefix: string;
  readonly limit: number;
  readonly after: string | undefined;
  /** `undefined` = the newest revision: the inconsistent rest of an expired list. */
  readonly at: Revision | undefined;
}

/** Reads an exact revision page by page until `limit` objects match. */
async function fromStore(deps: VerbDeps, request: KindRequest, read: StoreRead): Promise<Selected> {
  const selection = selectionOf(request);
  const { signal } = request.request;
  const objects: Cached[] = [];
  let { at, after } = read;
  for (;;) {
    const page = await storePageOf(deps, read, at, after, signal);
    at ??= page.revision;
    const found = page.entries.map((entry) => {
      const cached = deps.objects.cache.get(entry.key);
      return cached?.revision === entry.modRevision ? cached : decodeEntry(entry);
    });
    await prepareViews(deps, request, found);
    for (const [index, object] of found.entries()) {
      after = object.key;
      if (selection.matches(viewOf(object, request.kind).object)) objects.push(object);
      if (read.limit === 0 || objects.length < read.limit) continue;
      const rest = page.remaining + page.entries.length - index - 1;
      if (rest === 0) return { objects, revision: at };
      return {
        objects,
        revision: at,
        continueToken: encodeContinue(at, after, read.prefix),
        ...(selection.everything ? { remaining: rest } : {}),
      };
    }
    if (page.remaining === 0 || page.entries.length === 0) return { objects, revision: at };
  }
}

async function storePageOf(
  deps: VerbDeps,
  read: StoreRead,
  at: Revision | undefined,
  after: string | undefined,
  signal: AbortSignal,
) {
  try {
    return await deps.objects.listPage(read.prefix, {
      signal,
      limit: storePage,
      ...(at === undefined ? {} : { at }),
      ...(after === undefined ? {} : { after }),
    });
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'Expired' || read.after === undefined)
      throw error;
    throw new ExpiredContinue(encodeContinue(-1n, read.after, read.prefix));
  }
}

/** 410 for a continue token whose revision is gone, with a token for the inconsistent rest. */
export class ExpiredContinue extends StatusError {
  readonly continueToken: string;

  constructor(continueToken: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.continueToken = continueToken;
  }
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (text === '') return 0;
  if (!/^[-+]?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, Number(text));
}

function checkVersion(version: string): void {
  if (/^\d*$/.test(version)) return;
  const shown = JSON.stringify(version);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`,
  );
}

function listOptionsError(field: string, why: string): StatusError {
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [forbiddenField(field, why)]);
}

function checkVersionMatch(version: string, match: string, token: string): void {
  if (match === '') return;
  const field = 'resourceVersionMatch';
  const errors: FieldError[] = [];
  const forbid = (why: string) => errors.push(forbiddenField(field, why));
  if (version === '') forbid(`${field} is forbidden unless resourceVersion is provided`);
  if (token !== '') forbid(`${field} is forbidden when continue is provided`);
  if (match !== 'Exact' && match !== 'NotOlderThan')
    errors.push(notSupported(field, match, ['Exact', 'NotOlderThan', '']));
  if (match === 'Exact' && version === '0')
    forbid(`${field} "exact" is forbidden for resourceVersion "0"`);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}
