import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { fromObject } from '../storage/cached.ts';
import { masters } from './authorize.ts';
import { refuseEscalation } from './escalation.ts';
import { createRbac, type RbacSource } from './rbac.ts';

const prefix = 'rbac.authorization.k8s.io';
const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] };
const pods = { apiGroups: [''], resources: ['pods', '*/log'], verbs: ['*'] };

/** `alice` holds `held` in the namespace `a`; the ClusterRole `reader` exists and holds `secrets`. */
function write(
  held: readonly JsonObject[],
  plural: string,
  object: JsonObject,
  more: { old?: JsonObject; groups?: string[]; name?: string } = {},
): void {
  const objects: Record<string, JsonObject> = {
    [`${prefix}/clusterroles/reader`]: { rules: [secrets] },
    [`${prefix}/roles/a/hers`]: { metadata: { namespace: 'a' }, rules: [...held] },
    [`${prefix}/rolebindings/a/hers`]: {
      metadata: { namespace: 'a' },
      roleRef: { kind: 'Role', name: 'hers' },
      subjects: [{ kind: 'User', name: 'alice' }],
    },
  };
  const cached = Object.entries(objects).map(([key, each]) => fromObject(key, each, 1n));
  const rbac: RbacSource = {
    get: (key) => cached.find((each) => each.key === key),
    list: (start) => cached.filter((each) => each.key.startsWith(start)),
  };
  const user = { name: 'alice', groups: more.groups ?? ['devs'] };
  refuseEscalation(
    { authorizers: [masters, createRbac(rbac)], rbac },
    { user, group: prefix, plural, name: more.name ?? '', object, old: more.old },
  );
}

const role = (...rules: JsonObject[]) => ({ metadata: { name: 'r', namespace: 'a' }, rules });
const binding = (kind: string, name: string) => ({
  metadata: { name: 'b', namespace: 'a' },
  roleRef: { apiGroup: prefix, kind, name },
  subjects: [{ kind: 'User', name: 'bob' }],
});
const grant = (verb: string, resource: string, resourceNames: string[] = []) => ({
  apiGroups: [prefix],
  resources: [resource],
  verbs: [verb],
  resourceNames,
});

test('a role may hold what its writer holds, and what is missing is told', () => {
  const log = { apiGroups: [''], resources: ['pods/log', 'nodes/log'], verbs: ['get'] };
  const named = { ...secrets, resourceNames: ['one'] };
  expect(() => write([secrets, pods], 'roles', role(secrets, log, named))).not.toThrow();
  expect(() => write([pods], 'roles', role(secrets, log))).toThrow(
    'roles.rbac.authorization.k8s.io "r" is forbidden: user "alice" (groups=["devs"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
  );
  expect(() => write([named], 'roles', role(secrets))).toThrow('Resources:["secrets"]');
  expect(() => write([secrets], 'roles', role({ ...secrets, verbs: ['*'] }))).toThrow('["*"]');
  const url = { nonResourceURLs: ['/metrics'], verbs: ['get'] };
  expect(() => write([secrets], 'clusterroles', role(url))).toThrow(
    '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
  );
});

test('`escalate`, and administrators, may grant what they do not hold', () => {
  expect(() => write([grant('escalate', 'roles')], 'roles', role(secrets))).not.toThrow();
  const named = grant('escalate', 'roles', ['r']);
  expect(() => write([named], 'roles', role(secrets), { name: 'r' })).not.toThrow();
  expect(() => write([named], 'roles', role(secrets), { name: 'x' })).toThrow('forbidden');
  const groups = ['system:masters'];
  expect(() => write([], 'roles', role(secrets), { groups })).not.toThrow();
});

test('an update that grants nothing new passes; one that does is judged whole', () => {
  const old = role(secrets);
  const labelled = { ...old, metadata: { name: 'r', namespace: 'a', labels: { x: 'y' } } };
  expect(() => write([], 'roles', labelled, { old })).not.toThrow();
  expect(() => write([], 'roles', role(secrets, secrets), { old })).toThrow('forbidden');
});

test('to aggregate is to hold everything', () => {
  const aggregating = { ...role(), aggregationRule: { clusterRoleSelectors: [] } };
  expect(() => write([secrets], 'clusterroles', aggregating)).toThrow(
    'must have cluster-admin privileges to use the aggregationRule',
  );
});

test('a binding gives a role that its writer holds or may bind', () => {
  expect(() => write([secrets], 'rolebindings', binding('ClusterRole', 'reader'))).not.toThrow();
  expect(() => write([], 'rolebindings', binding('ClusterRole', 'reader'))).toThrow(
    'is attempting to grant',
  );
  const bind = grant('bind', 'clusterroles', ['reader']);
  expect(() => write([bind], 'rolebindings', binding('ClusterRole', 'reader'))).not.toThrow();
  expect(() => write([bind], 'rolebindings', binding('Role', 'none'))).toThrow(
    'roles.rbac.authorization.k8s.io "none" not found',
  );
});
