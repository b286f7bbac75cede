/**
 * The way of a request: route → authenticate → authorise → verb → answer. Each stage is a function; what
 * goes wrong anywhere becomes a Status here.
 */

import { badRequest, notFound, StatusError } from '../api/status.ts';
import type { Log } from '../lib/log.ts';
import { createTracer, markFailed } from '../lib/trace.ts';
import type { AuditNotes } from './audit/audit.ts';
import { forbiddenTo, isAllowed } from './auth/authorize.ts';
import { impersonate } from './auth/impersonate.ts';
import type { TokenAuthenticator } from './auth/token-authenticator.ts';
import { type Documents, text } from './documents/documents.ts';
import { type LimitedDeps, limited } from './flow/limited.ts';
import { answerName, isName } from './names/names.ts';
import { preferredMediaType } from './present/index.ts';
import { placeOf } from './registry/served-kind.ts';
import type { ApiRequest, ApiResponse, RequestContext, UserInfo } from './request/request.ts';
import { accessInfo, requestInfo } from './request/request-info.ts';
import type { RequestMetrics } from './request/request-metrics.ts';
import { kindPrefix } from './storage/keys.ts';
import { type AnswersDeps, answerAbout, answerTo, isAsked } from './subresources/answers.ts';
import { approve } from './subresources/approval.ts';
import { bindMany, bindOne } from './subresources/binding.ts';
import { createEvents } from './subresources/event-list.ts';
import { evict } from './subresources/eviction.ts';
import { finalize } from './subresources/finalize.ts';
import { askAgent, hasStreams, type NodeProxyDeps, podLog } from './subresources/node-proxy.ts';
import { preempt } from './subresources/preemption.ts';
import { review, reviews } from './subresources/reviews.ts';
import { scale } from './subresources/scale.ts';
import { requestToken } from './subresources/token-request.ts';
import { isVmAction, vmAction } from './subresources/vm-action.ts';
import type { NodeSummaries } from './usage/node-summaries.ts';
import { isMetrics, resourceMetrics } from './usage/resource-metrics.ts';
import { create, methodNotAllowed } from './verbs/create.ts';
import { deleteCollection, deleteOne } from './verbs/delete.ts';
import type { KindRequest, VerbDeps } from './verbs/deps.ts';
import { ExpiredContinue, get, list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { respondJson } from './verbs/respond.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

export interface PipelineDeps extends NodeProxyDeps, LimitedDeps, AnswersDeps {
  /** Whose a bearer token is. */
  readonly tokens: TokenAuthenticator;
  readonly summaries: NodeSummaries;
  readonly documents: Documents;
  /** Further paths that are no objects, such as `/metrics`; GET only. */
  readonly paths: Readonly<Record<string, (request: ApiRequest) => Promise<ApiResponse>>>;
  readonly metrics: RequestMetrics;
  readonly log: Log;
}

/** Who holds the credentials, and who takes notes of what is done for it. */
export interface Caller {
  readonly user: UserInfo;
  readonly notes: AuditNotes;
}

type Verb = (deps: VerbDeps, request: KindRequest) => Promise<ApiResponse>;

const verbs: Readonly<Record<string, Verb>> = {
  create,
  get,
  list,
  watch,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** Handlers of subresources that are not the object itself: `plural/name`, then the verb. */
const builtinParts: Readonly<Record<string, Readonly<Record<string, Verb>>>> = {
  'certificatesigningrequests/approval': { get, update: approve },
  'namespaces/finalize': { update: finalize },
  'pods/eviction': { create: evict },
  'pods/binding': { create: bindOne },
  'serviceaccounts/token': { create: requestToken },
};

const tracer = createTracer('berth/apiserver');

/** Runs the whole pipeline for an authenticated user; never rejects. A watch's span ends as its answer begins. */
export function handle(
  deps: PipelineDeps,
  request: ApiRequest,
  caller: Caller,
): Promise<ApiResponse> {
  const { method, path, headers, query } = request;
  const { verb, resource } = requestInfo(method, path, query);
  const name = resource === '' ? method : `${verb} ${resource}`;
  const attributes = { 'http.request.method': method, 'url.path': path };
  return tracer.inServerSpan({ name, headers }, attributes, async (span) => {
    const answer = await measuredAnswer(deps, request, caller);
    span.setAttribute('http.response.status_code', answer.status);
    if (answer.status >= 500) markFailed(span, `answered ${answer.status}`);
    return answer;
  });
}

async function measuredAnswer(
  deps: PipelineDeps,
  request: ApiRequest,
  caller: Caller,
): Promise<ApiResponse> {
  const warnings: string[] = [];
  const sinceMs = deps.clock.now();
  const ended = deps.metrics.begun(request);
  try {
    const answer = await route(deps, request, caller, warnings);
    return counted(deps, request, sinceMs, withWarnings(answer, warnings));
  } catch (error) {
    return counted(deps, request, sinceMs, withWarnings(failure(deps, request, error), warnings));
  } finally {
    ended();
  }
}

/** Longer than this is worth a line. Source: kube-apiserver, the threshold of its traces. */
const slowMs = 1_000;

function counted(
  { metrics, registry, clock, log }: PipelineDeps,
  request: ApiRequest,
  sinceMs: number,
  answer: ApiResponse,
): ApiResponse {
  const info = requestInfo(request.method, request.path, request.query);
  const durationMs = clock.now() - sinceMs;
  const known = registry.find(info.group, info.version, info.resource) !== undefined;
  const { method, path } = request;
  const fields = { method, path, verb: info.verb, code: answer.status, durationMs };
  if (durationMs > slowMs && info.verb !== 'watch') log.warn(fields, 'slow request');
  else log.debug(fields, 'request');
  return metrics.answered({ info, known, durationMs }, answer);
}

/** Who asks for what, after impersonation and authorisation; throws 403. */
export function authorised(
  deps: PipelineDeps,
  request: ApiRequest,
  caller: Caller,
  warnings: string[] = [],
): RequestContext {
  const info = requestInfo(request.method, request.path, request.query);
  const impersonated = impersonate(deps.authorizers, caller.user, request.headers, info);
  if (impersonated !== undefined) caller.notes.onImpersonation(impersonated);
  const user = impersonated ?? caller.user;
  const access = accessInfo(info);
  if (!isAllowed(deps.authorizers, user, access)) throw forbiddenTo(user, access);
  const annotate = (key: string, value: string) => caller.notes.annotate(key, value);
  return { request, info, user, warnings, annotate };
}

async function route(
  deps: PipelineDeps,
  request: ApiRequest,
  caller: Caller,
  warnings: string[],
): Promise<ApiResponse> {
  const context = authorised(deps, request, caller, warnings);
  return limited(deps, context, storedOf(deps, context), (signal) =>
    dispatch(deps, { ...context, request: { ...request, signal } }),
  );
}

/** How many objects there are of the kind that is asked for. */
function storedOf({ registry, objects }: PipelineDeps, { info }: RequestContext): number {
  const kind = registry.find(info.group, info.version, info.resource);
  return kind === undefined ? 0 : objects.cache.count(kindPrefix(placeOf(kind)));
}

async function dispatch(deps: PipelineDeps, context: RequestContext): Promise<ApiResponse> {
  const { info, request } = context;
  if (request.path.includes('//')) throw noResource();
  const own = Object.hasOwn(deps.paths, request.path) ? deps.paths[request.path] : undefined;
  if (own !== undefined && request.method === 'GET') return own(request);
  if (!info.isResource) return (await deps.documents.answer(request)) ?? unknownPath(request);
  // Judged as a read, but no route of upstream's answers it.
  if (request.method === 'HEAD') throw methodNotAllowed();
  if (
    info.group.endsWith('.k8s.io') &&
    reviews[info.resource] !== undefined &&
    info.verb === 'create'
  )
    return review(deps, context);
  if (isMetrics(info)) return resourceMetrics(deps, context);
  if (isName(info)) return answerName(deps, context);
  if (info.group === 'berth.dev' && info.resource === 'bindings' && info.verb === 'create')
    return bindMany(deps, context);
  if (info.group === 'berth.dev' && info.resource === 'preemptions' && info.verb === 'create')
    return preempt(deps, context);
  if (info.group === 'berth.dev' && info.resource === 'events' && info.verb === 'create')
    return createEvents(deps, context);
  if (isAsked(info)) return answerTo(deps, context);
  const kind = deps.registry.find(info.group, info.version, info.resource);
  if (kind === undefined) throw unknownResource(deps, context);
  return serve(deps, { ...context, kind });
}

async function serve(deps: PipelineDeps, request: KindRequest): Promise<ApiResponse> {
  const { info, kind } = request;
  const inNamespace = info.namespace !== '' && info.resource !== 'namespaces';
  if (kind.namespaced && !inNamespace && info.name !== '') return pageNotFound();
  if (!kind.namespaced && inNamespace) throw noSuchPath(kind);
  checkCollection(request, inNamespace);
  if (info.subresource === '') {
    const verb = verbs[info.verb];
    if (verb === undefined) throw methodNotAllowed();
    return verb(deps, request);
  }
  return servePart(deps, request);
}

/** What cannot be asked of a whole collection. */
function checkCollection({ info, kind }: KindRequest, inNamespace: boolean): void {
  if (info.name !== '') return;
  if (info.verb === 'update' || info.verb === 'patch')
    throw kind.builtin ? methodNotAllowed() : badRequest('name must be provided');
  if (info.verb === 'deletecollection' && kind.namespaced && !inNamespace)
    throw kind.builtin ? methodNotAllowed() : new PageNotFound();
}

async function servePart(deps: PipelineDeps, request: KindRequest): Promise<ApiResponse> {
  const { info, kind } = request;
  if (info.subresource === 'scale' && kind.scale !== undefined) return scale(deps, request);
  const isPart = Object.hasOwn(kind.strategy.parts ?? {}, info.subresource);
  if ((info.subresource === 'status' && kind.hasStatus) || isPart) {
    const verb = { get, update, patch }[info.verb];
    if (verb === undefined) throw methodNotAllowed();
    return verb(deps, request);
  }
  if (hasStreams(info) && info.subresource === 'log') {
    if (info.verb !== 'get') throw methodNotAllowed();
    return podLog(deps, request);
  }
  if (isVmAction(info)) {
    if (info.verb !== 'create') throw methodNotAllowed();
    return vmAction(deps, request);
  }
  if (kind.builtin && kind.plural === 'nodes' && info.subresource === 'images') {
    if (!['get', 'create', 'delete'].includes(info.verb)) throw methodNotAllowed();
    return askAgent(deps, request);
  }
  if (kind.builtin && kind.plural === 'nodes' && info.subresource === 'adoptable') {
    if (info.verb !== 'get') throw methodNotAllowed();
    return askAgent(deps, request);
  }
  const answer = answerAbout(deps, request);
  if (answer !== undefined) return answer;
  const part = kind.builtin ? builtinParts[`${kind.plural}/${info.subresource}`] : undefined;
  if (part === undefined) {
    if (kind.builtin) throw noResource();
    throw notFound({ group: kind.group, resource: kind.plural }, info.name);
  }
  const verb = part[info.verb];
  if (verb === undefined) throw methodNotAllowed();
  return verb(deps, request);
}

/** Upstream answers differently inside the core API and where no group is. */
function unknownResource({ registry }: PipelineDeps, { info }: RequestContext): Error {
  const builtin = registry.all().some((kind) => kind.builtin && kind.group === info.group);
  return builtin ? noResource() : new PageNotFound();
}

function noSuchPath(kind: KindRequest['kind']): Error {
  return kind.builtin ? noResource() : new PageNotFound();
}

function noResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** A path under the core API is answered as one of its own. */
function unknownPath({ path }: ApiRequest): ApiResponse {
  if (path.startsWith('/api/')) throw noResource();
  return pageNotFound();
}

class PageNotFound extends Error {}

function pageNotFound(): ApiResponse {
  return text(404, '404 page not found\n');
}

function failure(deps: PipelineDeps, request: ApiRequest, error: unknown): ApiResponse {
  if (error instanceof PageNotFound) return pageNotFound();
  const { accept } = request.headers;
  if (error instanceof ExpiredContinue)
    return respondJson(error.code, {
      ...error.toStatus(),
      metadata: { continue: error.continueToken },
    });
  if (error instanceof StatusError) return statusAnswer(error, accept);
  if (request.signal.aborted) return statusAnswer(clientGone());
  deps.log.error({ err: error, method: request.method, path: request.path }, 'request failed');
  const why = error instanceof Error ? error.message : String(error);
  const causes = [{ message: why }];
  return statusAnswer(
    new StatusError(500, 'InternalError', `Internal error occurred: ${why}`, { causes }),
    accept,
  );
}

/** Nobody reads this answer; the code is the one that proxies log for it. */
function clientGone(): StatusError {
  return new StatusError(499, 'Timeout', 'the client has gone');
}

/** The answer for an error, also one that was found before or outside the pipeline. */
export function statusAnswer(error: StatusError, accept?: string): ApiResponse {
  const answer = respondJson(error.code, error.toStatus(), preferredMediaType(accept));
  const retry = error.details?.retryAfterSeconds;
  if (retry === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(retry) } };
}

/** At most this many `Warning` headers on one answer. */
const maxWarnings = 30;

function withWarnings(answer: ApiResponse, warnings: readonly string[]): ApiResponse {
  if (warnings.length === 0) return answer;
  const lines = [...new Set(warnings)]
    .slice(0, maxWarnings)
    .map((warning) => `299 - "${warning.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`);
  return { ...answer, headers: { ...answer.headers, warning: lines } };
}
