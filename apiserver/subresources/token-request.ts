/**
 * POST `/serviceaccounts/<name>/token`: a token of that account, bound to an object if wanted.
 * Source: kubernetes pkg/registry/core/serviceaccount/storage/token.go, and
 * plugin/pkg/admission/noderestriction for what a node may ask for.
 */

import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  badRequest,
  conflict,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  type StatusError,
} from '../../api/status.ts';
import { signJwt } from '../auth/jwt.ts';
import { nodeNameOf } from '../auth/node.ts';
import { type Bound, claimsFor, referenceTo } from '../auth/service-account-claims.ts';
import type { ApiResponse } from '../request/request.ts';
import { invalidValue } from '../schema/field-error.ts';
import { metaString } from '../storage/cached.ts';
import { decodePlain } from '../verbs/body.ts';
import { type KindRequest, timestamp, type VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { respondJson } from '../verbs/respond.ts';

const minSeconds = 600;
const maxSeconds = 2 ** 32;
const tokenRequests = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const accounts = { group: '', resource: 'serviceaccounts' };

/** The kinds that a token can be bound to. */
const boundPlurals: Readonly<Record<string, string>> = {
  Pod: 'pods',
  Secret: 'secrets',
  Node: 'nodes',
};

export async function requestToken(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { info } = request;
  const { headers } = request.request;
  const body = decodePlain(await request.request.body(), headers['content-type'], 'TokenRequest');
  checkMetadata(body, request);
  const account = (await currentObject(deps, request))?.object;
  if (account === undefined) throw notFound(accounts, info.name);
  const spec = specOf(body, deps.issuer.audiences);
  const bound = await boundTo(deps, request, asObject(spec['boundObjectRef']));
  const nowMs = deps.clock.now();
  const seconds = Number(spec['expirationSeconds']);
  const { issuer, keys } = deps.issuer;
  const audiences = asArray(spec['audiences']).map(asString);
  const id = deps.random.uuid();
  const claims = claimsFor(account, { issuer, audiences, id, nowMs, seconds, ...bound });
  const expirationTimestamp = timestamp({ now: () => nowMs + seconds * 1_000 });
  return respondJson(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: info.name,
      namespace: info.namespace,
      creationTimestamp: timestamp(deps.clock),
    },
    spec,
    status: { token: signJwt(keys.signing, claims), expirationTimestamp },
  });
}

/** What the body says of whom it is for must be the URL's. */
function checkMetadata(body: JsonObject, { info }: KindRequest): void {
  const wrong = (field: 'name' | 'namespace', given: string) =>
    invalid(tokenRequests, info.name, [
      invalidValue(
        `metadata.${field}`,
        given,
        `must match the service account ${field} if specified`,
      ),
    ]);
  for (const field of ['name', 'namespace'] as const) {
    const given = asString(at(body, 'metadata', field));
    if (given !== '' && given !== info[field]) throw wrong(field, given);
  }
}

/** With its defaults; throws 422. */
function specOf(body: JsonObject, ownAudiences: readonly string[]): JsonObject {
  const given = asObject(body['spec']) ?? {};
  const audiences = asArray(given['audiences']);
  const expirationSeconds = given['expirationSeconds'] ?? 3_600;
  const errors: FieldError[] = [];
  const field = 'spec.expirationSeconds';
  if (Number(expirationSeconds) < minSeconds)
    errors.push(
      invalidValue(field, expirationSeconds, 'may not specify a duration less than 10 minutes'),
    );
  if (Number(expirationSeconds) > maxSeconds)
    errors.push(
      invalidValue(field, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
    );
  if (errors.length > 0) throw invalid(tokenRequests, '', errors);
  return {
    audiences: audiences.length === 0 ? [...ownAudiences] : [...audiences],
    expirationSeconds,
    boundObjectRef: asObject(given['boundObjectRef']) ?? null,
  };
}

async function boundTo(
  deps: VerbDeps,
  request: KindRequest,
  ref: JsonObject | undefined,
): Promise<Bound> {
  restrictNodeTo(request, ref);
  if (ref === undefined) return {};
  const [apiVersion, kind, name] = ['apiVersion', 'kind', 'name'].map((key) => asString(ref[key]));
  const plural = boundPlurals[kind ?? ''];
  if (plural === undefined || apiVersion !== 'v1' || name === undefined)
    throw badRequest(
      `cannot bind token to object of type ${apiVersion}, Kind=${kind}: bind it to a Pod, Secret or Node of v1`,
    );
  const found = await read(deps, request, plural, name);
  if (found === undefined) throw notFound({ group: '', resource: plural }, name);
  const uid = asString(ref['uid']);
  if (kind === 'Pod') checkPod(request, found);
  if (uid !== '' && uid !== metaString(found, 'uid'))
    throw conflict({ group: '', resource: kind ?? '' }, name, otherUid(uid));
  if (kind === 'Pod') return podBinding(deps, request, found);
  return kind === 'Secret' ? { secret: referenceTo(found) } : { node: referenceTo(found) };
}

function otherUid(uid: string): string {
  return `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
}

function checkPod({ info, user }: KindRequest, pod: JsonObject): void {
  if (asString(at(pod, 'spec', 'serviceAccountName')) !== info.name)
    throw badRequest(
      `cannot bind token for serviceaccount "${info.name}" to pod running with different serviceaccount name.`,
    );
  const node = nodeNameOf(user);
  if (node !== undefined && at(pod, 'spec', 'nodeName') !== node)
    throw refused(info.name, 'node requested token bound to a pod scheduled on a different node');
}

/** A pod's token also names the pod's node, of which only the name is certain. */
async function podBinding(deps: VerbDeps, request: KindRequest, pod: JsonObject): Promise<Bound> {
  const name = asString(at(pod, 'spec', 'nodeName'));
  if (name === '') return { pod: referenceTo(pod) };
  const node = await read(deps, request, 'nodes', name);
  return { pod: referenceTo(pod), node: node === undefined ? { name } : referenceTo(node) };
}

/** An agent gets tokens for its own pods only, each by its uid. */
function restrictNodeTo({ info, user }: KindRequest, ref: JsonObject | undefined): void {
  if (nodeNameOf(user) === undefined) return;
  if (ref?.['apiVersion'] !== 'v1' || ref['kind'] !== 'Pod' || asString(ref['name']) === '')
    throw refused(info.name, 'node requested token not bound to a pod');
  if (asString(ref['uid']) === '')
    throw refused(info.name, 'node requested token with a pod binding without a uid');
}

async function read(
  { objects }: VerbDeps,
  { info, request }: KindRequest,
  plural: string,
  name: string,
): Promise<JsonObject | undefined> {
  const { namespace } = info;
  const key = plural === 'nodes' ? { name } : { namespace, name };
  return (await objects.get({ group: '', plural }, key, request.signal))?.object;
}

function refused(name: string, why: string): StatusError {
  return forbidden(accounts, name, why);
}
