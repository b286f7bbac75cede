/** Tables of who may do what. */
import type { Attributes } from '../../apiserver/auth/authorize.ts';
import { createRbac, type RbacSource, ruleAllows, rulesFor } from '../../apiserver/auth/rbac.ts';
import { objectKey } from '../../apiserver/storage/keys.ts';
import type { Json } from './json-path.ts';
import { byTest, is, leftOut, show, type Tables, type Verdict } from './verdict.ts';

const group = 'rbac.authorization.k8s.io';

export const rbacTables: Tables = {
  kubernetes__plugin__pkg__auth__authorizer__rbac__rbac: byTest({
    TestAuthorizer: authorizer,
    TestRuleMatches: ruleMatches,
  }),
  kubernetes__pkg__registry__rbac__validation__rule: byTest({
    TestDefaultRuleResolver: resolver,
    TestAppliesTo: appliesTo,
  }),
};

function authorizer(row: Json): readonly Verdict[] {
  if (row.shouldPass === undefined) return [leftOut('one of the requests of another row')];
  const allow = createRbac(sourceOf(row));
  const verdict = (request: Json, expected: boolean) => {
    const { user = '', groups = '', User: structure } = request;
    const userInfo = structure
      ? userOf(structure.Name ?? '', structure.Groups)
      : userOf(user, groups === '' ? [] : groups.split(','));
    return is(allow(userInfo, attributesOf(request)) === 'allow', expected, show(request));
  };
  return [
    ...(row.shouldPass ?? []).map((request: Json) => verdict(request, true)),
    ...(row.shouldFail ?? []).map((request: Json) => verdict(request, false)),
  ];
}

function attributesOf(row: Json): Attributes {
  const { verb = '', namespace = '', resource = '', name = '', apiGroup = '' } = row;
  return {
    isResource: row.ResourceRequest !== false,
    verb: row.Verb ?? verb,
    group: apiGroup,
    resource,
    subresource: row.subresource ?? '',
    namespace,
    name,
    path: row.Path ?? '',
    fieldSelector: '',
  };
}

function ruleMatches({ name, rule, requestsToExpected }: Json): readonly Verdict[] {
  if (rule === undefined) return [leftOut('one of the requests of another row')];
  return requestsToExpected.map(({ request, expected }: Json) => {
    const attributes: Attributes = {
      isResource: request.ResourceRequest ?? false,
      verb: request.Verb ?? '',
      group: request.APIGroup ?? '',
      resource: request.Resource ?? '',
      subresource: request.Subresource ?? '',
      namespace: request.Namespace ?? '',
      name: request.Name ?? '',
      path: request.Path ?? '',
      fieldSelector: '',
    };
    return is(ruleAllows(rule, attributes), expected, `${name} ${show(request)}`);
  });
}

function resolver({ StaticRoles, user, namespace = '', effectiveRules }: Json): Verdict {
  const found = [...rulesFor(sourceOf(StaticRoles), userOf(user.Name, user.Groups), namespace)];
  return is(found, effectiveRules ?? [], `${user.Name} in ${namespace}`);
}

/** Subjects bind a role with one rule: whether the rule holds tells whether they apply. */
function appliesTo({ subjects, user, namespace, appliesTo: expected, testCase }: Json): Verdict {
  const binding = {
    metadata: { name: 'all', namespace },
    subjects,
    roleRef: { kind: 'ClusterRole', name: 'any' },
  };
  const source = sourceOf({
    clusterRoles: [{ metadata: { name: 'any' }, rules: [{ verbs: ['*'] }] }],
    [namespace === '' ? 'clusterRoleBindings' : 'roleBindings']: [binding],
  });
  const found = [...rulesFor(source, userOf(user.Name, user.Groups), namespace)];
  return is(found.length > 0, expected, testCase);
}

function userOf(name: string, groups: readonly string[] | undefined) {
  return { name, uid: '', groups: groups ?? [], extra: {} };
}

/** The objects of a row as the cache would have them. */
function sourceOf(row: Json): RbacSource {
  const objects = new Map<string, Json>();
  for (const [field, plural] of Object.entries(plurals))
    for (const [i, object] of (row[field] ?? []).entries()) {
      const { name = `unnamed-${i}`, namespace = '' } = object.metadata ?? {};
      const key = namespace === '' ? { name } : { name, namespace };
      objects.set(objectKey({ group, plural }, key), { object });
    }
  return {
    get: (key) => objects.get(key),
    list: (prefix) => [...objects].filter(([key]) => key.startsWith(prefix)).map(([, one]) => one),
  };
}

const plurals = {
  roles: 'roles',
  clusterRoles: 'clusterroles',
  roleBindings: 'rolebindings',
  clusterRoleBindings: 'clusterrolebindings',
};
