/**
 * What is served, in all forms that clients ask for it: lists of groups, versions and resources,
 * and the aggregated list that tells everything at once.
 * Source: Kubernetes API reference, "API discovery"; apiserver v0.32, `pkg/endpoints/discovery`.
 */
import { createHash } from 'node:crypto';
import { formatApiVersion } from '../../api/meta.ts';

/** A resource that lies under another: `pods/log`. */
export interface ServedSubresource {
  /** The part after the slash. */
  readonly name: string;
  readonly kind: string;
  /** Absent = those of the resource. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** One resource in one version. */
export interface ServedResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly ServedSubresource[];
  /** Absent for kinds that are never stored, such as reviews. */
  readonly storageVersion?: string | undefined;
}

/** `/api`. `serverAddress` is `host:port` as clients see it. */
export function apiVersions(resources: readonly ServedResource[], serverAddress: string) {
  return {
    kind: 'APIVersions',
    versions: versionsOf(resources, ''),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`. */
export function apiGroupList(resources: readonly ServedResource[]) {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groupsOf(resources)
      .filter((name) => name !== '')
      .map((name) => groupBody(resources, name)),
  };
}

/** `/apis/<group>`; `undefined` if nothing of that group is served. */
export function apiGroup(resources: readonly ServedResource[], group: string) {
  if (!resources.some((resource) => resource.group === group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(resources, group) };
}

/** `/api/v1`, `/apis/<group>/<version>`; `undefined` if nothing of it is served. */
export function apiResourceList(
  resources: readonly ServedResource[],
  group: string,
  version: string,
) {
  const own = resources.filter((each) => each.group === group && each.version === version);
  if (own.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: formatApiVersion(group, version),
    resources: own.flatMap((each) => [
      resourceBody(each),
      ...each.subresources.map((sub) => subresourceBody(each, sub)),
    ]),
  };
}

/** `/api` (`core`) and `/apis` (`named`) as one document. */
export function aggregatedDiscovery(
  resources: readonly ServedResource[],
  groups: 'core' | 'named',
  version: 'v2' | 'v2beta1',
) {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(resources)
      .filter((name) => (name === '') === (groups === 'core'))
      .map((name) => ({
        metadata: name === '' ? {} : { name },
        versions: versionsOf(resources, name).map((each) => ({
          version: each,
          resources: resources
            .filter((resource) => resource.group === name && resource.version === each)
            .map(aggregatedResource),
          freshness: 'Current',
        })),
      })),
  };
}

/** GA before beta before alpha, higher before lower; anything else last, by name. */
export function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : Number(a > b);
    return left === undefined ? 1 : -1;
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}

function versionRank(version: string) {
  const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, word, minor] = match;
  const stage = word === undefined ? 2 : Number(word === 'beta');
  return { stage, major: Number(major), minor: Number(minor ?? 0) };
}

/** In the order of their first resource. */
function groupsOf(resources: readonly ServedResource[]): string[] {
  return [...new Set(resources.map((resource) => resource.group))];
}

/** The preferred one first. */
function versionsOf(resources: readonly ServedResource[], group: string): string[] {
  const own = resources.filter((resource) => resource.group === group);
  return [...new Set(own.map((resource) => resource.version))].sort(compareVersions);
}

function groupBody(resources: readonly ServedResource[], name: string) {
  const versions = versionsOf(resources, name).map((version) => ({
    groupVersion: formatApiVersion(name, version),
    version,
  }));
  const [preferredVersion] = versions;
  return { name, versions, ...(preferredVersion === undefined ? {} : { preferredVersion }) };
}

function resourceBody(resource: ServedResource) {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...names(resource),
    ...(resource.storageVersion === undefined
      ? {}
      : { storageVersionHash: storageHash(resource, resource.storageVersion) }),
  };
}

function subresourceBody(resource: ServedResource, sub: ServedSubresource) {
  const foreign = sub.group !== undefined || sub.version !== undefined;
  return {
    name: `${resource.plural}/${sub.name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...(foreign ? { group: sub.group, version: sub.version } : {}),
    kind: sub.kind,
    verbs: sub.verbs,
  };
}

function aggregatedResource(resource: ServedResource) {
  const { group, version, kind } = resource;
  const subresources = resource.subresources.map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...names(resource),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

function names({ shortNames, categories }: ServedResource) {
  return {
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

/** Changes when objects are stored in another version. */
function storageHash({ group, kind }: ServedResource, version: string): string {
  const digest = createHash('sha256').update(`${group}/${version}/${kind}`).digest();
  return digest.subarray(0, 8).toString('base64');
}
