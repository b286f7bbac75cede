import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { fromObject } from '../storage/cached.ts';
import type { Attributes } from './authorize.ts';
import { createRbac, type RbacSource, ruleAllows } from './rbac.ts';

const base: Attributes = {
  isResource: true,
  verb: 'get',
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: 'p',
  path: '',
  fieldSelector: '',
};

describe('one rule', () => {
  const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  const allows = (more: JsonObject, attributes: Partial<Attributes> = {}) =>
    ruleAllows({ ...rule, ...more }, { ...base, ...attributes });

  test('verb, group and resource must fit', () => {
    expect(allows({})).toBe(true);
    expect(allows({}, { verb: 'list' })).toBe(false);
    expect(allows({}, { group: 'apps' })).toBe(false);
    expect(allows({}, { resource: 'secrets' })).toBe(false);
    expect(
      allows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verb: 'x', group: 'y' }),
    ).toBe(true);
  });

  test('a subresource is another resource', () => {
    expect(allows({}, { subresource: 'log' })).toBe(false);
    expect(allows({ resources: ['pods/log'] }, { subresource: 'log' })).toBe(true);
    expect(allows({ resources: ['*/log'] }, { subresource: 'log' })).toBe(true);
    expect(allows({ resources: ['*/log'] })).toBe(false);
  });

  test('names limit it, and so it allows no list', () => {
    expect(allows({ resourceNames: ['p'] })).toBe(true);
    expect(allows({ resourceNames: ['q'] })).toBe(false);
    expect(allows({ resourceNames: ['p'] }, { name: '' })).toBe(false);
  });

  test('paths match whole, or up to a star', () => {
    const path = (url: string, asked: string) =>
      ruleAllows(
        { verbs: ['get'], nonResourceURLs: [url] },
        { ...base, isResource: false, path: asked },
      );
    expect(path('/healthz', '/healthz')).toBe(true);
    expect(path('/healthz', '/healthz/x')).toBe(false);
    expect(path('/healthz/*', '/healthz/x')).toBe(true);
    expect(path('*', '/any')).toBe(true);
  });
});

describe('bindings', () => {
  const group = 'rbac.authorization.k8s.io';
  const objects: Record<string, JsonObject> = {
    [`${group}/roles/a/reader`]: {
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
    },
    [`${group}/rolebindings/a/b`]: {
      metadata: { namespace: 'a' },
      roleRef: { kind: 'Role', name: 'reader' },
      subjects: [
        { kind: 'Group', name: 'devs' },
        { kind: 'ServiceAccount', name: 'bot' },
      ],
    },
  };
  const cached = Object.entries(objects).map(([key, object]) => fromObject(key, object, 1n));
  const source: RbacSource = {
    get: (key) => cached.find((each) => each.key === key),
    list: (prefix) => cached.filter((each) => each.key.startsWith(prefix)),
  };
  const decide = (name: string, groups: readonly string[], more: Partial<Attributes> = {}) =>
    createRbac(source)({ name, groups }, { ...base, ...more });

  test('a group and a service account of the namespace are allowed, others are not', () => {
    expect(decide('x', ['devs'])).toBe('allow');
    expect(decide('system:serviceaccount:a:bot', [])).toBe('allow');
    expect(decide('system:serviceaccount:b:bot', [])).toBe('next');
    expect(decide('x', ['ops'])).toBe('next');
  });

  test('a role holds in its namespace only', () => {
    expect(decide('x', ['devs'], { namespace: 'b' })).toBe('next');
    expect(decide('x', ['devs'], { namespace: '' })).toBe('next');
  });
});
