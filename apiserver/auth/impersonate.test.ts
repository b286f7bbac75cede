import { expect, test } from 'vitest';
import type { UserInfo } from '../request/request.ts';
import type { Attributes, Authorizer } from './authorize.ts';
import { impersonate } from './impersonate.ts';

const bob: UserInfo = { name: 'bob', groups: ['system:authenticated'] };
const wanted: Attributes = {
  isResource: true,
  verb: 'list',
  group: '',
  resource: 'configmaps',
  subresource: '',
  namespace: 'a',
  name: '',
  path: '',
  fieldSelector: '',
};

/** `verb group/namespace/resource/subresource/name`, as asked of the authorizer. */
function line({ verb, group, namespace, resource, subresource, name }: Attributes): string {
  return `${verb} ${group}/${namespace}/${resource}/${subresource}/${name}`;
}

function ask(headers: Record<string, string>, allowed: (question: string) => boolean) {
  const asked: string[] = [];
  const authorizer: Authorizer = (_user, attributes) => {
    asked.push(line(attributes));
    return allowed(line(attributes)) ? 'allow' : 'next';
  };
  return { user: impersonate([authorizer], bob, headers, wanted), asked };
}

const all = () => true;

test('no header is nobody, and nothing is asked', () => {
  expect(ask({ accept: '*/*' }, () => false)).toEqual({ user: undefined, asked: [] });
});

test('every name in the headers is asked about, and shown', () => {
  const { user, asked } = ask(
    {
      'impersonate-user': 'alice',
      'impersonate-group': 'dev, ops',
      'impersonate-uid': '42',
      'impersonate-extra-example.com%2fscopes': 'view, edit',
    },
    all,
  );
  expect(asked).toEqual([
    'impersonate //users//alice',
    'impersonate //groups//dev',
    'impersonate //groups//ops',
    'impersonate authentication.k8s.io//uids//42',
    'impersonate authentication.k8s.io//userextras/example.com/scopes/view',
    'impersonate authentication.k8s.io//userextras/example.com/scopes/edit',
  ]);
  expect(user).toEqual({
    name: 'alice',
    uid: '42',
    groups: ['dev', 'ops', 'system:authenticated'],
    extra: { 'example.com/scopes': ['view', 'edit'] },
  });
});

test('groups follow from the name, unless they are given', () => {
  const robot = { 'impersonate-user': 'system:serviceaccount:a:robot' };
  const { user, asked } = ask(robot, all);
  expect(asked).toEqual(['impersonate /a/serviceaccounts//robot']);
  expect(user?.groups).toEqual([
    'system:serviceaccounts',
    'system:serviceaccounts:a',
    'system:authenticated',
  ]);
  expect(ask({ ...robot, 'impersonate-group': 'x' }, all).user?.groups).toEqual([
    'x',
    'system:authenticated',
  ]);
  expect(ask({ 'impersonate-user': 'system:anonymous' }, all).user?.groups).toEqual([
    'system:unauthenticated',
  ]);
});

test.each(['impersonate-group', 'impersonate-uid', 'impersonate-extra-a'])(
  '%s without a user is refused',
  (header) => {
    expect(() => ask({ [header]: 'x' }, all)).toThrow('without impersonating a user name');
  },
);

test('one name that is not allowed is enough to refuse', () => {
  const headers = { 'impersonate-user': 'alice', 'impersonate-group': 'system:masters' };
  const allowed = (question: string) => question === 'impersonate //users//alice';
  expect(() => ask(headers, allowed)).toThrow(
    'configmaps is forbidden: User "bob" cannot impersonate-on:user-info:list resource "configmaps" in API group "" in the namespace "a"',
  );
});

test('constrained: both the deed and the name must be allowed', () => {
  const alice = { 'impersonate-user': 'alice' };
  const on = 'impersonate-on:user-info:list //configmaps//';
  const as = 'impersonate:user-info authentication.k8s.io//users//alice';
  const deed = on.replace('//', '/a/');
  expect(ask(alice, (question) => [deed, as].includes(question)).user?.name).toBe('alice');
  expect(() => ask(alice, (question) => question === as)).toThrow('impersonate-on:user-info:list');
  expect(() => ask(alice, (question) => question === deed)).toThrow(
    'users.authentication.k8s.io "alice" is forbidden: User "bob" cannot impersonate:user-info',
  );
  const robot = { 'impersonate-user': 'system:serviceaccount:a:robot' };
  const asRobot = [
    'impersonate-on:serviceaccount:list /a/configmaps//',
    'impersonate:serviceaccount authentication.k8s.io/a/serviceaccounts//robot',
  ];
  expect(ask(robot, (question) => asRobot.includes(question)).user?.name).toContain('robot');
});
