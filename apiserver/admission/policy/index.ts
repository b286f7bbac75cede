/** ValidatingAdmissionPolicy: rules in CEL, put in force by bindings. */

import { asObject, asString } from '../../../api/json.ts';
import { type JsonObject, parseApiVersion } from '../../../api/meta.ts';
import { forbidden, StatusError, type StatusReason } from '../../../api/status.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import { metadataOf } from '../../storage/cached.ts';
import { listPrefix, objectKey } from '../../storage/keys.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { type AskDeps, inVersion } from '../webhooks/ask.ts';
import { isExempt, versionFor } from '../webhooks/match.ts';
import { reviewRequest } from '../webhooks/review.ts';
import { broken, type Failure, judge, silent, type Verdict } from './judge.ts';
import { type Binding, bindingOf, type Matching, type Policy, policyOf } from './policy.ts';

const group = 'admissionregistration.k8s.io';
const policyFolder = { group, plural: 'validatingadmissionpolicies' };
const bindingPrefix = listPrefix({ group, plural: 'validatingadmissionpolicybindings' }, '');
const failureKey = 'validation.policy.admission.k8s.io/validation_failure';

export function validatingPolicies(deps: AskDeps): AdmissionPlugin {
  const { cache } = deps.objects;
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: (attributes) => cache.list(bindingPrefix).length > 0 && !isExempt(attributes),
    async validate(attributes, object) {
      const told: Told[] = [];
      for (const cached of cache.list(bindingPrefix)) {
        const binding = bindingOf(cached);
        const stored = cache.get(objectKey(policyFolder, { name: binding.policyName }));
        if (stored === undefined) continue;
        const policy = policyOf(stored);
        const verdicts = await verdictsOf(deps, policy, binding, attributes, object);
        for (const verdict of verdicts) told.push({ policy, binding, verdict });
      }
      conclude(attributes, told);
    },
  };
}

interface Told {
  readonly policy: Policy;
  readonly binding: Binding;
  readonly verdict: Verdict;
}

/** One for each object of parameters. */
async function verdictsOf(
  deps: AskDeps,
  policy: Policy,
  binding: Binding,
  attributes: Attributes,
  object: JsonObject | undefined,
): Promise<readonly Verdict[]> {
  const version = await concerned(deps, policy.concern, attributes, object);
  if (version === undefined) return [];
  if ((await concerned(deps, binding.concern, attributes, object)) === undefined) return [];
  const shown = await inVersion(deps, object, attributes, version);
  const old = await inVersion(deps, attributes.old, attributes, version);
  const request = reviewRequest(attributes, version, { object: shown, old }, '');
  const namespaceObject = namespaceOf(deps, attributes);
  const params = paramsOf(deps, policy, binding, attributes);
  if (typeof params === 'string')
    return [policy.failsClosed ? broken(`failed to configure binding: ${params}`) : silent];
  return params.map((each) =>
    judge(policy, { object: shown, oldObject: old, request, namespaceObject, params: each }),
  );
}

async function concerned(
  deps: AskDeps,
  concern: Matching,
  attributes: Attributes,
  object: JsonObject | undefined,
): Promise<ServedKind | undefined> {
  const excluding = { ...concern, rules: concern.excluded };
  if (concern.excluded.length > 0 && (await versionFor(deps, excluding, attributes, object)))
    return undefined;
  return versionFor(deps, concern, attributes, object);
}

function namespaceOf({ objects }: AskDeps, { namespace }: Attributes): JsonObject | undefined {
  if (namespace === '') return undefined;
  const place = { group: '', plural: 'namespaces' };
  return objects.cache.get(objectKey(place, { name: namespace }))?.object;
}

/** `undefined` among them stands for none; a text says why there can be none. */
function paramsOf(
  { registry, objects }: AskDeps,
  { paramKind }: Policy,
  { paramRef }: Binding,
  attributes: Attributes,
): readonly (JsonObject | undefined)[] | string {
  if (paramKind === undefined || paramRef === undefined) return [undefined];
  const { group, version } = parseApiVersion(paramKind.apiVersion);
  const kind = registry.findKind(group, version, paramKind.kind);
  if (kind === undefined)
    return `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`;
  const namespace = kind.namespaced ? paramRef.namespace || attributes.namespace : '';
  if (kind.namespaced && namespace === '')
    return 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources';
  const found = objects.cache
    .list(listPrefix(kind, namespace))
    .map(({ object }) => object)
    .filter((object) => {
      const metadata = metadataOf(object);
      if (paramRef.name !== '') return metadata['name'] === paramRef.name;
      return paramRef.selector.matches(labelsOf(metadata));
    });
  if (found.length > 0) return found;
  if (paramRef.allowsNone) return [];
  return 'no params found for policy binding with `Deny` parameterNotFoundAction';
}

function labelsOf(metadata: JsonObject): Readonly<Record<string, string>> {
  const labels = Object.entries(asObject(metadata['labels']) ?? {});
  return Object.fromEntries(labels.map(([key, value]) => [key, asString(value)]));
}

/** Audits and warns of all that failed, then refuses with the first that is to be refused. */
function conclude(attributes: Attributes, told: readonly Told[]): void {
  const audited: JsonObject[] = [];
  let refused: StatusError | undefined;
  for (const { policy, binding, verdict } of told) {
    for (const [key, value] of verdict.annotations)
      attributes.annotate(`${policy.name}/${key}`, value);
    for (const failure of verdict.failures) {
      const { message } = failure;
      const where = `'${policy.name}' with binding '${binding.name}'`;
      const acts = (action: string) => binding.actions.includes(action);
      if (failure.broken || acts('Deny'))
        refused ??= refusal(
          attributes,
          failure,
          `ValidatingAdmissionPolicy ${where} denied request: ${message}`,
        );
      if (acts('Warn') && !failure.broken)
        attributes.warnings.push(
          `Validation failed for ValidatingAdmissionPolicy ${where}: ${message}`,
        );
      if (acts('Audit') && !failure.broken)
        audited.push({
          message,
          policy: policy.name,
          binding: binding.name,
          expressionIndex: failure.index,
          validationActions: [...binding.actions],
        });
    }
  }
  if (audited.length > 0) attributes.annotate(failureKey, JSON.stringify(audited));
  if (refused !== undefined) throw refused;
}

const codes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function refusal({ served, name }: Attributes, { reason }: Failure, why: string): StatusError {
  const base = forbidden({ group: served.group, resource: served.plural }, name, why);
  // The schema's validation lets only these reasons through.
  const known = reason as StatusReason;
  return new StatusError(codes[reason] ?? 422, known, base.message, {
    ...base.details,
    causes: [{ message: why }],
  });
}
