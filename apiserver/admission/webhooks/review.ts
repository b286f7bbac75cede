/**
 * AdmissionReview: what is asked, and what may be answered.
 * Source: Kubernetes apiserver/pkg/admission/plugin/webhook/request/admissionreview.go.
 */
import { asArray, asObject, asString } from '../../../api/json.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { StatusError, type StatusReason } from '../../../api/status.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import type { Attributes, GroupVersionKind } from '../plugin.ts';

/** The `request` of a review; `version` is the one that the webhook asked for. */
export function reviewRequest(
  attributes: Attributes,
  version: ServedKind,
  objects: { readonly object: JsonObject | undefined; readonly old: JsonObject | undefined },
  uid: string,
): JsonObject {
  const { served, kind, subresource, name, namespace, operation, dryRun, options } = attributes;
  const text = (field: string, value: string) => (value === '' ? {} : { [field]: value });
  return {
    uid,
    // What is of another kind than the resource (Scale, Eviction) has one version only.
    kind: kindOf(isWhole(attributes) ? { ...kind, version: version.version } : kind),
    resource: resourceOf(version),
    ...text('subResource', subresource),
    requestKind: kindOf(kind),
    requestResource: resourceOf(served),
    ...text('requestSubResource', subresource),
    ...text('name', name),
    ...text('namespace', namespace),
    operation,
    userInfo: userInfo(attributes),
    object: objects.object ?? null,
    oldObject: objects.old ?? null,
    dryRun,
    options: options ?? null,
  };
}

/** The object is of the kind that the URL names. */
export function isWhole({ kind, served }: Attributes): boolean {
  return kind.group === served.group && kind.kind === served.kind;
}

function kindOf({ group, version, kind }: GroupVersionKind): JsonObject {
  return { group, version, kind };
}

function resourceOf({ group, version, plural }: ServedKind): JsonObject {
  return { group, version, resource: plural };
}

function userInfo({ user }: Attributes): JsonObject {
  const { name, uid, groups, extra } = user;
  return {
    username: name,
    ...(uid === undefined || uid === '' ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra }),
  };
}

/** An answer that has passed all checks. */
export interface ReviewAnswer {
  readonly allowed: boolean;
  /** A Status, as the webhook words it. */
  readonly status: JsonObject | undefined;
  /** JSON of a JSON patch; empty = none. */
  readonly patch: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

export interface Expected {
  readonly uid: string;
  readonly version: 'v1' | 'v1beta1';
  readonly mutating: boolean;
}

/** The answer, or what is wrong with it. */
export function readReview(review: JsonObject, expected: Expected): ReviewAnswer | string {
  const response = asObject(review['response']);
  if (response === undefined) return 'webhook response was absent';
  const patch = asString(response['patch']);
  const wrong =
    expected.version === 'v1'
      ? mistake(review, response, patch, expected)
      : patchMistake(patch, asString(response['patchType']) || 'JSONPatch');
  if (wrong !== undefined) return wrong;
  return {
    allowed: response['allowed'] === true,
    status: asObject(response['status']),
    patch: Buffer.from(patch, 'base64').toString('utf8'),
    warnings: asArray(response['warnings']).map(asString),
    auditAnnotations: Object.fromEntries(
      Object.entries(asObject(response['auditAnnotations']) ?? {}).map(([key, value]) => [
        key,
        asString(value),
      ]),
    ),
  };
}

function mistake(
  review: JsonObject,
  response: JsonObject,
  patch: string,
  { uid, mutating }: Expected,
): string | undefined {
  if (response['uid'] !== uid)
    return `expected response.uid="${uid}", got ${JSON.stringify(response['uid'] ?? '')}`;
  if (review['apiVersion'] !== 'admission.k8s.io/v1' || review['kind'] !== 'AdmissionReview')
    return `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${review['apiVersion'] ?? ''}, Kind=${review['kind'] ?? ''}`;
  const type = response['patchType'];
  const hasType = type !== undefined && type !== null;
  if (!mutating) {
    if (patch !== '') return 'validating webhook may not return response.patch';
    return hasType ? 'validating webhook may not return response.patchType' : undefined;
  }
  if (patch !== '' && !hasType) return 'webhook returned response.patch but not response.patchType';
  if (patch === '' && hasType) return 'webhook returned response.patchType but not response.patch';
  if (hasType && type === '') return 'webhook returned invalid response.patchType of ""';
  return patchMistake(patch, asString(type ?? ''));
}

function patchMistake(patch: string, type: string): string | undefined {
  if (patch === '' || type === 'JSONPatch') return undefined;
  return `unsupported patch type ${JSON.stringify(type)}`;
}

/** What a client is told of a refusal. Source: webhook/errors/statuserror.go, `ToStatusErr`. */
export function refusal(webhook: string, status: JsonObject | undefined): StatusError {
  const told = asString(status?.['message']) || asString(status?.['reason']);
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const message = told === '' ? `${denied} without explanation` : `${denied}: ${told}`;
  const code = Number(status?.['code'] ?? 0);
  // The webhook's own words, which clients may know or not.
  const reason = asString(status?.['reason']) as StatusReason | '';
  const details = asObject(status?.['details']);
  return new StatusError(Math.max(code, 400), reason, message, details);
}
