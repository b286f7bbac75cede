/** Reviews: questions about access and identity, POSTed and answered, never stored. */

import { asArray, asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, notFound, StatusError } from '../../api/status.ts';
import { type Attributes, type Authorizer, isAllowed, mastersGroup } from '../auth/authorize.ts';
import { type RbacSource, rulesFor } from '../auth/rbac.ts';
import type { TokenIssuer } from '../auth/service-account-token.ts';
import type { TokenAuthenticator } from '../auth/token-authenticator.ts';
import { reviewKinds } from '../registry/virtual.ts';
import type { ApiResponse, RequestContext, UserInfo } from '../request/request.ts';
import { decodePlain } from '../verbs/body.ts';
import { respondJson } from '../verbs/respond.ts';
import { checkAccessReview } from './review-errors.ts';

export interface ReviewDeps {
  readonly authorizers: readonly Authorizer[];
  readonly rbac: RbacSource;
  readonly tokens: TokenAuthenticator;
  readonly issuer: TokenIssuer;
}

/** Resource → handler, for the groups authorization.k8s.io and authentication.k8s.io. */
export const reviews: Readonly<
  Record<
    string,
    (
      deps: ReviewDeps,
      context: RequestContext,
      body: JsonObject,
    ) => JsonObject | Promise<JsonObject>
  >
> = {
  selfsubjectaccessreviews: (deps, { user }, body) => ({
    ...body,
    status: decide(deps, user, asObject(body['spec']) ?? {}),
  }),
  subjectaccessreviews: subjectAccessReview,
  localsubjectaccessreviews: subjectAccessReview,
  selfsubjectrulesreviews(deps, { user }, body) {
    const namespace = asString(asObject(body['spec'])?.['namespace']);
    if (namespace === '') throw badRequest('no namespace on request');
    return { ...body, status: rulesReview(deps, user, namespace) };
  },
  selfsubjectreviews: (_deps, { user }, body) => ({
    ...body,
    status: { userInfo: userInfo(user) },
  }),
  tokenreviews: tokenReview,
};

export async function review(deps: ReviewDeps, context: RequestContext): Promise<ApiResponse> {
  const { request, info } = context;
  const handler = reviews[info.resource];
  if (handler === undefined)
    throw notFound({ group: info.group, resource: info.resource }, info.name);
  const kind = reviewKinds[info.resource] ?? '';
  const body = decodePlain(await request.body(), request.headers['content-type'], kind);
  const asked = { metadata: {}, ...body };
  if (info.resource.endsWith('subjectaccessreviews'))
    checkAccessReview(info.resource, asked, info.namespace);
  return respondJson(201, await handler(deps, context, asked));
}

function userInfo({ name, uid, groups, extra }: UserInfo): JsonObject {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra: lists(extra) }),
  };
}

function lists(extra: NonNullable<UserInfo['extra']>): JsonObject {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}

/** Why a token that is genuine does not hold is told: who asks may know. */
async function tokenReview(
  { tokens, issuer }: ReviewDeps,
  { request }: RequestContext,
  body: JsonObject,
): Promise<JsonObject> {
  const spec = asObject(body['spec']) ?? {};
  const token = asString(spec['token']);
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const given = asArray(spec['audiences']).map(asString);
  const wanted = given.length === 0 ? issuer.audiences : given;
  const refused = (error: string) => ({ ...body, spec, status: { user: {}, error } });
  try {
    const identity = await tokens(token, wanted, request.signal);
    if (identity === undefined) return refused('invalid bearer token');
    const { user, audiences } = identity;
    const status = { authenticated: true, user: userInfo(user), audiences: [...audiences] };
    return { ...body, spec, status };
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 401) throw error;
    return refused(`[invalid bearer token, ${error.message}]`);
  }
}

function subjectAccessReview(
  deps: ReviewDeps,
  _context: RequestContext,
  body: JsonObject,
): JsonObject {
  const spec = asObject(body['spec']) ?? {};
  const user: UserInfo = {
    name: asString(spec['user']),
    groups: asArray(spec['groups']).map(asString),
  };
  return { ...body, status: decide(deps, user, spec) };
}

function decide({ authorizers }: ReviewDeps, user: UserInfo, spec: JsonObject): JsonObject {
  const allowed = isAllowed(authorizers, user, attributesOf(spec));
  return { allowed };
}

function attributesOf(spec: JsonObject): Attributes {
  const resource = asObject(spec['resourceAttributes']);
  const other = asObject(spec['nonResourceAttributes']);
  return {
    isResource: resource !== undefined,
    verb: asString((resource ?? other)?.['verb']),
    group: asString(resource?.['group']),
    resource: asString(resource?.['resource']),
    subresource: asString(resource?.['subresource']),
    namespace: asString(resource?.['namespace']),
    name: asString(resource?.['name']),
    path: asString(other?.['path']),
    fieldSelector: '',
  };
}

function rulesReview({ rbac }: ReviewDeps, user: UserInfo, namespace: string): JsonObject {
  const all: JsonObject[] = user.groups.includes(mastersGroup)
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : [...rulesFor(rbac, user, namespace)];
  return {
    resourceRules: all.filter((rule) => rule['resources'] !== undefined),
    nonResourceRules: all.filter((rule) => rule['nonResourceURLs'] !== undefined),
    incomplete: false,
  };
}
