/**
 * Whether a webhook is asked about a request, and in which version of the kind.
 * Source: Kubernetes apiserver/pkg/admission/plugin/webhook/{generic,predicates}.
 */
import { asObject, asString } from '../../../api/json.ts';
import type { LabelSelector } from '../../../api/label-selector.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { notFound } from '../../../api/status.ts';
import type { Registry } from '../../registry/registry.ts';
import type { ServedKind } from '../../registry/served-kind.ts';
import { metadataOf } from '../../storage/cached.ts';
import { objectKey } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Attributes } from '../plugin.ts';
import type { Concern, HookRule } from './hook.ts';

export interface MatchDeps {
  readonly objects: ObjectStore;
  readonly registry: Registry;
}

const exemptKinds = new Set(
  ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'].concat(
    ['Validating', 'Mutating'].flatMap((word) => [
      `${word}AdmissionPolicy`,
      `${word}AdmissionPolicyBinding`,
    ]),
  ),
);

/** A webhook that refuses everything must not refuse its own removal. */
export function isExempt({ kind }: Attributes): boolean {
  return kind.group === 'admissionregistration.k8s.io' && exemptKinds.has(kind.kind);
}

/** The version of the kind to ask in; `undefined` when the webhook is not concerned. Throws 404. */
export async function versionFor(
  deps: MatchDeps,
  hook: Concern,
  attributes: Attributes,
  object: JsonObject | undefined,
): Promise<ServedKind | undefined> {
  if (!selectsObject(hook.objectSelector, attributes, object)) return undefined;
  const served = fitting(deps.registry, hook, attributes);
  if (served === undefined) return undefined;
  return (await selectsNamespace(deps, hook, attributes, object)) ? served : undefined;
}

function fitting(
  registry: Registry,
  hook: Concern,
  attributes: Attributes,
): ServedKind | undefined {
  const { served } = attributes;
  if (hook.rules.some((rule) => fits(rule, attributes, served))) return served;
  if (!hook.equivalent || served.builtin) return undefined;
  const others = registry
    .all()
    .filter((kind) => kind.group === served.group && kind.plural === served.plural);
  for (const rule of hook.rules) {
    const found = others.find((kind) => fits(rule, attributes, kind));
    if (found !== undefined) return found;
  }
  return undefined;
}

function fits(rule: HookRule, attributes: Attributes, served: ServedKind): boolean {
  const { operation, subresource, namespace, name } = attributes;
  if (rule.resourceNames.length > 0 && !rule.resourceNames.includes(name)) return false;
  const named = (items: readonly string[], wanted: string) =>
    items.includes('*') || items.includes(wanted);
  const clusterScoped = namespace === '' || (served.group === '' && served.plural === 'namespaces');
  if (rule.scope === 'Namespaced' && clusterScoped) return false;
  if (rule.scope === 'Cluster' && !clusterScoped) return false;
  return (
    named(rule.operations, operation) &&
    named(rule.apiGroups, served.group) &&
    named(rule.apiVersions, served.version) &&
    rule.resources.some((each) => fitsResource(each, served.plural, subresource))
  );
}

function fitsResource(text: string, plural: string, subresource: string): boolean {
  const [resource = '', part = ''] = text.split('/', 2);
  return (resource === '*' || resource === plural) && (part === '*' || part === subresource);
}

function isEmpty({ requirements }: LabelSelector): boolean {
  return requirements.length === 0;
}

function labelsOf(object: JsonObject): Readonly<Record<string, string>> {
  const labels = asObject(metadataOf(object)['labels']) ?? {};
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, asString(value)]));
}

/** The object as it was or as it will be. */
function selectsObject(
  selector: LabelSelector,
  { old }: Attributes,
  object: JsonObject | undefined,
): boolean {
  if (isEmpty(selector)) return true;
  return [object, old].some(
    (each) => each?.['metadata'] !== undefined && selector.matches(labelsOf(each)),
  );
}

async function selectsNamespace(
  { objects }: MatchDeps,
  { namespaceSelector: selector }: Concern,
  { served, namespace, subresource, operation, signal }: Attributes,
  object: JsonObject | undefined,
): Promise<boolean> {
  const isNamespace = served.group === '' && served.plural === 'namespaces';
  if (isEmpty(selector) || (namespace === '' && !isNamespace)) return true;
  // Of a namespace that is being written, its own new labels count.
  if (isNamespace && subresource === '' && operation !== 'DELETE' && object !== undefined)
    return selector.matches(labelsOf(object));
  const place = { group: '', plural: 'namespaces' };
  const key = { name: namespace };
  const found = objects.cache.get(objectKey(place, key)) ?? (await objects.get(place, key, signal));
  if (found === undefined) throw notFound({ group: '', resource: 'namespaces' }, namespace);
  return selector.matches(labelsOf(found.object));
}
