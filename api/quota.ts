/**
 * What a ResourceQuota counts, of which objects. Pure.
 * Source: Kubernetes `pkg/quota/v1/evaluator/core/pods.go` and `apiserver/pkg/quota/v1/generic` (v1.32).
 */
import { asObject, asString, at, objectsOf } from './json.ts';
import type { JsonObject } from './meta.ts';
import { type Amounts, amountsOf, podAmounts } from './pod-resources.ts';
import { Quantity } from './quantity.ts';
import { qualified } from './status.ts';

/** A kind as quotas name it. */
export interface CountedKind {
  readonly group: string;
  readonly plural: string;
}

/** Kinds that are counted by their bare name, too. */
const bareNames = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
const countPrefix = 'count/';
const requestsPrefix = 'requests.';
const hugePages = 'hugepages-';
const pods: CountedKind = { group: '', plural: 'pods' };
const volumes: CountedKind = { group: 'berth.dev', plural: 'volumes' };
/** What Volumes take, of all classes; of one class with its name before the suffix. */
const storageName = 'requests.storage';
const classSuffix = '.volumeclass.berth.dev';
const computed = ['cpu', 'memory', 'ephemeral-storage'];
const podNames = new Set([
  'pods',
  'count/pods',
  ...computed.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
const one = new Quantity(1_000_000_000n);

export function isPods({ group, plural }: CountedKind): boolean {
  return group === '' && plural === 'pods';
}

/** Which of the names of `spec.hard` count objects of this kind. */
export function namesFor(kind: CountedKind, hard: Iterable<string>): string[] {
  return [...hard].filter((name) => (isPods(kind) ? countsPods(name) : counts(kind, name)));
}

function countsPods(name: string): boolean {
  return podNames.has(name) || name.startsWith(hugePages) || isRequested(name);
}

/** `requests.hugepages-2Mi`, `requests.example.com/gpu`. */
function isRequested(name: string): boolean {
  if (!name.startsWith(requestsPrefix)) return false;
  const rest = name.slice(requestsPrefix.length);
  return rest.startsWith(hugePages) || rest.includes('/');
}

/** Whether more than the number of its objects may matter, and that may grow. */
export function isVolumes({ group, plural }: CountedKind): boolean {
  return group === volumes.group && plural === volumes.plural;
}

/** `requests.storage`, `fast.volumeclass.berth.dev/requests.storage`, `fast.volumeclass.berth.dev/volumes`. */
function countsVolumes(name: string): boolean {
  if (name === storageName) return true;
  const [domain = '', what = ''] = name.split('/');
  return domain.endsWith(classSuffix) && (what === storageName || what === volumes.plural);
}

function counts({ group, plural }: CountedKind, name: string): boolean {
  if (isVolumes({ group, plural }) && countsVolumes(name)) return true;
  if (name === `${countPrefix}${qualified({ group, resource: plural })}`) return true;
  return group === '' && name === plural && bareNames.has(name);
}

/** The kinds whose objects must be looked at to know what is used of `hard`. */
export function kindsCounted(hard: Iterable<string>): CountedKind[] {
  const kinds = new Map<string, CountedKind>();
  for (const name of hard) {
    const kind = countsPods(name) ? pods : kindOf(name);
    if (kind !== undefined) kinds.set(`${kind.group}/${kind.plural}`, kind);
  }
  return [...kinds.values()];
}

function kindOf(name: string): CountedKind | undefined {
  if (countsVolumes(name)) return volumes;
  if (bareNames.has(name)) return { group: '', plural: name };
  if (!name.startsWith(countPrefix)) return undefined;
  const [plural = '', ...group] = name.slice(countPrefix.length).split('.');
  return { group: group.join('.'), plural };
}

/** Whether the scopes of a quota let it count this object. Only pods are in any scope. */
export function inScope(quota: JsonObject, kind: CountedKind, object: JsonObject): boolean {
  const spec = asObject(quota['spec']) ?? {};
  const scopes = Array.isArray(spec['scopes']) ? spec['scopes'] : [];
  const selected = objectsOf(at(spec, 'scopeSelector', 'matchExpressions'));
  const wanted = [
    ...scopes.map((scopeName): JsonObject => ({ scopeName, operator: 'Exists' })),
    ...selected,
  ];
  if (wanted.length === 0) return true;
  const pod = asObject(object['spec']) ?? {};
  return isPods(kind) && wanted.every((requirement) => podMatches(pod, requirement));
}

function podMatches(spec: JsonObject, requirement: JsonObject): boolean {
  const deadline = spec['activeDeadlineSeconds'];
  const ends = typeof deadline === 'number' && deadline >= 0;
  switch (requirement['scopeName']) {
    case 'Terminating':
      return ends;
    case 'NotTerminating':
      return !ends;
    case 'BestEffort':
      return isBestEffort(spec);
    case 'NotBestEffort':
      return !isBestEffort(spec);
    case 'PriorityClass':
      return classMatches(asString(spec['priorityClassName']), requirement);
    case 'CrossNamespacePodAffinity':
      return ['podAffinity', 'podAntiAffinity'].some((kind) => crossesNamespaces(spec, kind));
    default:
      return false;
  }
}

function classMatches(name: string, { operator, values }: JsonObject): boolean {
  const listed = Array.isArray(values) && values.includes(name);
  if (operator === 'Exists') return name !== '';
  if (operator === 'DoesNotExist') return name === '';
  return operator === 'In' ? name !== '' && listed : operator === 'NotIn' && !listed;
}

function isBestEffort(spec: JsonObject): boolean {
  const containers = [...objectsOf(spec['containers']), ...objectsOf(spec['initContainers'])];
  return containers.every(({ resources }) =>
    ['requests', 'limits'].every((list) =>
      computed
        .slice(0, 2)
        .every((name) => (amountsOf(at(asObject(resources), list)).get(name)?.nano ?? 0n) === 0n),
    ),
  );
}

function crossesNamespaces(spec: JsonObject, kind: string): boolean {
  const affinity = asObject(at(spec, 'affinity', kind));
  const terms = [
    ...objectsOf(affinity?.['requiredDuringSchedulingIgnoredDuringExecution']),
    ...objectsOf(affinity?.['preferredDuringSchedulingIgnoredDuringExecution']).map(
      (term) => asObject(term['podAffinityTerm']) ?? {},
    ),
  ];
  return terms.some(
    ({ namespaces, namespaceSelector }) =>
      namespaceSelector !== undefined || (Array.isArray(namespaces) && namespaces.length > 0),
  );
}

/** What one object uses, by every name that quotas may have for it. */
export function usageOf(kind: CountedKind, object: JsonObject, nowMs: number): Amounts {
  const { group, plural } = kind;
  const usage = new Map([[`${countPrefix}${qualified({ group, resource: plural })}`, one]]);
  if (!isPods(kind)) {
    if (group === '' && bareNames.has(plural)) usage.set(plural, one);
    if (isVolumes(kind)) for (const [name, amount] of volumeUsage(object)) usage.set(name, amount);
    return usage;
  }
  // What has ended holds nothing any more; only `count/pods` still counts it.
  if (hasEnded(object, nowMs)) return usage;
  const spec = asObject(object['spec']) ?? {};
  for (const [name, amount] of named(podAmounts(spec, 'requests'), podAmounts(spec, 'limits')))
    usage.set(name, amount);
  usage.set('pods', one);
  return usage;
}

/** Of one that is held or deleted, too: its room is taken until it is gone. */
function volumeUsage(volume: JsonObject): Amounts {
  const size = amountsOf({ size: at(volume, 'spec', 'size') ?? '0' }).get('size');
  const name = `${asString(at(volume, 'spec', 'class')) || 'local'}${classSuffix}`;
  const usage = new Map([[`${name}/${volumes.plural}`, one]]);
  if (size === undefined) return usage;
  return usage.set(storageName, size).set(`${name}/${storageName}`, size);
}

function hasEnded(pod: JsonObject, nowMs: number): boolean {
  const phase = asString(at(pod, 'status', 'phase'));
  return phase === 'Succeeded' || phase === 'Failed' || goneAtMs(pod) <= nowMs;
}

/** When a pod that is being deleted has had its time twice over; Infinity for others. */
export function goneAtMs(pod: JsonObject): number {
  const deletedAtMs = Date.parse(asString(at(pod, 'metadata', 'deletionTimestamp')));
  const graceSeconds = at(pod, 'metadata', 'deletionGracePeriodSeconds');
  if (Number.isNaN(deletedAtMs) || typeof graceSeconds !== 'number') return Infinity;
  return deletedAtMs + graceSeconds * 1_000;
}

/** Requests and limits by the names quotas have for them. */
function named(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, amount] of requests) {
    const bare = computed.includes(name) || name.startsWith(hugePages);
    if (bare) amounts.set(name, amount);
    if (bare || name.includes('/')) amounts.set(`${requestsPrefix}${name}`, amount);
  }
  for (const [name, amount] of limits)
    if (computed.includes(name)) amounts.set(`limits.${name}`, amount);
  return amounts;
}

/** Every container must say these when a quota counts them. Source: Kubernetes' `validationSet`. */
const mustBeSaid = [
  'cpu',
  'limits.cpu',
  'limits.memory',
  'memory',
  'requests.cpu',
  'requests.memory',
];

/** What a pod leaves open that a quota counts: `must specify cpu for: a,b; memory for: a`. */
export function unsaid(pod: JsonObject, counted: readonly string[]): string | undefined {
  const containers = ['containers', 'initContainers'].flatMap((list) =>
    objectsOf(at(pod, 'spec', list)),
  );
  const missing = mustBeSaid
    .filter((name) => counted.includes(name))
    .flatMap((name) => {
      const silent = containers.filter((container) => !ofContainer(container).has(name));
      const names = [...new Set(silent.map((each) => asString(each['name'])))].sort();
      return names.length === 0 ? [] : [`${name} for: ${names.join(',')}`];
    });
  return missing.length === 0 ? undefined : `must specify ${missing.join('; ')}`;
}

function ofContainer(container: JsonObject): Amounts {
  const amounts = (list: string) => amountsOf(at(container, 'resources', list));
  return named(amounts('requests'), amounts('limits'));
}

/** What is used of the quota's `names`: zero of what nothing uses. */
export function totalUsage(
  quota: JsonObject,
  names: Iterable<string>,
  objectsOfKind: (kind: CountedKind) => Iterable<JsonObject>,
  nowMs: number,
): Map<string, Quantity> {
  const total = new Map<string, Quantity>();
  for (const name of names) total.set(name, new Quantity(0n));
  for (const kind of kindsCounted(total.keys())) {
    for (const object of objectsOfKind(kind)) {
      if (!inScope(quota, kind, object)) continue;
      for (const [name, amount] of usageOf(kind, object, nowMs)) {
        const known = total.get(name);
        if (known !== undefined) total.set(name, known.add(amount));
      }
    }
  }
  return total;
}

/** As `status.used` has it. */
export function amountsText(amounts: Amounts): Record<string, string> {
  const sorted = [...amounts].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, amount]) => [name, amount.toString()]));
}
