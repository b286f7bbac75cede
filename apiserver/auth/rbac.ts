/** Role-based access control over the objects in the cache. Source: Kubernetes "Using RBAC Authorization". */

import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { UserInfo } from '../request/request.ts';
import type { Cached } from '../storage/cached.ts';
import { metaString } from '../storage/cached.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';
import type { Attributes, Authorizer } from './authorize.ts';

const group = 'rbac.authorization.k8s.io';

export interface RbacSource {
  get(key: string): Cached | undefined;
  list(prefix: string): Cached[];
}

export function createRbac(source: RbacSource): Authorizer {
  return (user, attributes) => {
    for (const rule of rulesFor(source, user, attributes.namespace))
      if (ruleAllows(rule, attributes)) return 'allow';
    return 'next';
  };
}

/** All rules that hold for `user`, cluster-wide ones first; `namespace` is empty for the cluster scope. */
export function* rulesFor(
  source: RbacSource,
  user: UserInfo,
  namespace: string,
): Generator<JsonObject> {
  for (const { object } of source.list(listPrefix({ group, plural: 'clusterrolebindings' }, '')))
    if (bindsUser(object, user, '')) yield* rulesOf(source, object, '');
  if (namespace === '') return;
  for (const { object } of source.list(listPrefix({ group, plural: 'rolebindings' }, namespace)))
    if (bindsUser(object, user, namespace)) yield* rulesOf(source, object, namespace);
}

function bindsUser(binding: JsonObject, user: UserInfo, namespace: string): boolean {
  return asArray(binding['subjects']).some((value) => {
    const subject = asObject(value);
    const name = asString(subject?.['name']);
    switch (asString(subject?.['kind'])) {
      case 'User':
        return name === user.name;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount': {
        const place = asString(subject?.['namespace']) || namespace;
        return user.name === `system:serviceaccount:${place}:${name}`;
      }
      default:
        return false;
    }
  });
}

function rulesOf(source: RbacSource, binding: JsonObject, namespace: string): JsonObject[] {
  const name = asString(at(binding, 'roleRef', 'name'));
  const cluster = asString(at(binding, 'roleRef', 'kind')) === 'ClusterRole';
  const key = cluster
    ? objectKey({ group, plural: 'clusterroles' }, { name })
    : objectKey(
        { group, plural: 'roles' },
        { namespace: namespace || metaString(binding, 'namespace'), name },
      );
  return asArray(source.get(key)?.object['rules'])
    .map(asObject)
    .filter((rule) => rule !== undefined);
}

/** Whether one PolicyRule covers the request. */
export function ruleAllows(rule: JsonObject, attributes: Attributes): boolean {
  const has = (field: string, wanted: string) => {
    const values = asArray(rule[field]);
    return values.includes('*') || values.includes(wanted);
  };
  if (!has('verbs', attributes.verb)) return false;
  if (!attributes.isResource)
    return asArray(rule['nonResourceURLs']).some((url) =>
      pathMatches(asString(url), attributes.path),
    );
  if (!has('apiGroups', attributes.group) || !resourceMatches(rule, attributes)) return false;
  const names = asArray(rule['resourceNames']);
  return names.length === 0 || names.includes(attributes.name);
}

function resourceMatches(rule: JsonObject, { resource, subresource }: Attributes): boolean {
  const wanted = subresource === '' ? resource : `${resource}/${subresource}`;
  return asArray(rule['resources']).some(
    (value) =>
      value === '*' || value === wanted || (subresource !== '' && value === `*/${subresource}`),
  );
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}
