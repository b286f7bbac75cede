/**
 * Nobody grants by roles and bindings what they do not hold themselves, unless they may `escalate` the role
 * or `bind` it. Source: Kubernetes "Privilege escalation prevention and bootstrapping".
 */
import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { forbidden, notFound } from '../../api/status.ts';
import type { UserInfo } from '../request/request.ts';
import { metadataOf, metaString } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import { type Authorizer, isAllowed } from './authorize.ts';
import { type RbacSource, rulesFor } from './rbac.ts';

export interface AccessDeps {
  readonly authorizers: readonly Authorizer[];
  readonly rbac: RbacSource;
}

/** What is about to be stored, by whom. */
export interface RoleWrite {
  readonly user: UserInfo;
  readonly group: string;
  readonly plural: string;
  /** As the request names it: empty when it creates. */
  readonly name: string;
  readonly object: JsonObject;
  readonly old: JsonObject | undefined;
}

const rbacGroup = 'rbac.authorization.k8s.io';
const everything: readonly JsonObject[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** Throws 403 for a role or binding that would grant more than its writer has; all else passes. */
export function refuseEscalation(deps: AccessDeps, write: RoleWrite): void {
  if (write.group !== rbacGroup) return;
  if (write.plural === 'roles' || write.plural === 'clusterroles') checkRole(deps, write);
  else checkBinding(deps, write);
}

function checkRole(deps: AccessDeps, write: RoleWrite): void {
  const { object, old, plural, name } = write;
  const same = (field: string) => equal(object[field] ?? null, old?.[field] ?? null);
  if (old !== undefined && same('rules') && same('aggregationRule')) return;
  if (may(deps, write, 'escalate', plural, name)) return;
  refuseMissing(deps, write, rulesIn(object));
  if (object['aggregationRule'] === undefined) return;
  if (missingRules(deps, write, everything).length > 0)
    throw refused(write, 'must have cluster-admin privileges to use the aggregationRule');
}

function checkBinding(deps: AccessDeps, write: RoleWrite): void {
  const { object, old } = write;
  if (old !== undefined && equal(object['subjects'] ?? null, old['subjects'] ?? null)) return;
  const name = asString(at(object, 'roleRef', 'name'));
  const cluster = asString(at(object, 'roleRef', 'kind')) === 'ClusterRole';
  const resource = cluster ? 'clusterroles' : 'roles';
  if (may(deps, write, 'bind', resource, name)) return;
  const place = { group: rbacGroup, plural: resource };
  const namespace = metaString(object, 'namespace');
  const role = deps.rbac.get(objectKey(place, cluster ? { name } : { namespace, name }));
  if (role === undefined) throw notFound({ group: rbacGroup, resource }, name);
  refuseMissing(deps, write, rulesIn(role.object));
}

function may(
  { authorizers }: AccessDeps,
  { user, object }: RoleWrite,
  verb: string,
  resource: string,
  name: string,
): boolean {
  return isAllowed(authorizers, user, {
    isResource: true,
    verb,
    group: rbacGroup,
    resource,
    subresource: '',
    namespace: metaString(object, 'namespace'),
    name,
    path: '',
    fieldSelector: '',
  });
}

function refuseMissing(deps: AccessDeps, write: RoleWrite, rules: readonly JsonObject[]): void {
  const missing = missingRules(deps, write, rules);
  if (missing.length === 0) return;
  const { name, groups } = write.user;
  const lines = [...new Set(compacted(missing).map(shown))].sort();
  throw refused(
    write,
    `user ${JSON.stringify(name)} (groups=${quoted(groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`,
  );
}

function refused(write: RoleWrite, why: string): Error {
  const resource = { group: rbacGroup, resource: write.plural };
  return forbidden(resource, metaString(write.object, 'name'), why);
}

function rulesIn(role: JsonObject): JsonObject[] {
  return asArray(role['rules'])
    .map(asObject)
    .filter((rule) => rule !== undefined);
}

/** The single permissions in `rules` that no rule of the writer covers. */
function missingRules(
  { rbac }: AccessDeps,
  { user, object }: RoleWrite,
  rules: readonly JsonObject[],
): Permission[] {
  const namespace = asString(metadataOf(object)['namespace']);
  const held = [...rulesFor(rbac, user, namespace)];
  return rules.flatMap(permissionsOf).filter((one) => !held.some((rule) => covers(rule, one)));
}

/** One verb on one thing. */
interface Permission {
  readonly verb: string;
  readonly url?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
}

function permissionsOf(rule: JsonObject): Permission[] {
  const each = (field: string) => asArray(rule[field]).map(asString);
  const names = each('resourceNames');
  const named = names.length === 0 ? [{}] : names.map((name) => ({ name }));
  return each('verbs').flatMap((verb) => [
    ...each('nonResourceURLs').map((url) => ({ verb, url })),
    ...each('apiGroups').flatMap((group) =>
      each('resources').flatMap((resource) =>
        named.map((name) => ({ verb, group, resource, ...name })),
      ),
    ),
  ]);
}

function covers(rule: JsonObject, { verb, url, group, resource = '', name }: Permission): boolean {
  const has = (field: string, wanted: string) => {
    const values = asArray(rule[field]);
    return values.includes('*') || values.includes(wanted);
  };
  if (!has('verbs', verb)) return false;
  if (url !== undefined)
    return asArray(rule['nonResourceURLs'])
      .map(asString)
      .some((held) => coversUrl(held, url));
  if (!has('apiGroups', group ?? '')) return false;
  const slash = resource.indexOf('/');
  const part = slash < 0 ? undefined : `*${resource.slice(slash)}`;
  if (!has('resources', resource) && !(part !== undefined && has('resources', part))) return false;
  const names = asArray(rule['resourceNames']);
  return names.length === 0 || (name !== undefined && names.includes(name));
}

function coversUrl(held: string, wanted: string): boolean {
  if (held === '*' || held === wanted) return true;
  return held.endsWith('*') && wanted.startsWith(held.slice(0, -1));
}

/** Verbs on the same thing together, as upstream reports them. */
function compacted(permissions: readonly Permission[]): (Permission & { verbs: string[] })[] {
  const byThing = new Map<string, Permission & { verbs: string[] }>();
  for (const one of permissions) {
    const key = JSON.stringify({ ...one, verb: '' });
    const present = byThing.get(key);
    if (present === undefined) byThing.set(key, { ...one, verbs: [one.verb] });
    else if (!present.verbs.includes(one.verb)) present.verbs.push(one.verb);
  }
  return [...byThing.values()];
}

function shown({ url, group, resource, name, verbs }: Permission & { verbs: string[] }): string {
  const fields: readonly [string, string | undefined][] = [
    ['APIGroups', group],
    ['Resources', resource],
    ['NonResourceURLs', url],
    ['ResourceNames', name],
  ];
  const parts = fields.flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}:${quoted([value])}`],
  );
  return `{${[...parts, `Verbs:${quoted(verbs)}`].join(', ')}}`;
}

function quoted(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
