import { describe, expect, test } from 'vitest';
import { type Audited, type AuditPolicy, decide, readPolicy } from './policy.ts';

const request: Audited = {
  user: { name: 'alice', groups: ['devs'] },
  verb: 'get',
  isResource: true,
  path: '/api/v1/namespaces/a/pods/p',
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: 'p',
};
const level = (rules: AuditPolicy['rules'], more: Partial<Audited> = {}) =>
  decide({ rules }, { ...request, ...more }).level;
const all = { level: 'RequestResponse' } as const;

test('the first rule that fits decides, and none is nothing', () => {
  expect(level([{ level: 'None', users: ['alice'] }, all])).toBe('None');
  expect(level([{ level: 'None', users: ['bob'] }, all])).toBe('RequestResponse');
  expect(level([{ level: 'Request', userGroups: ['ops'] }])).toBe('None');
  expect(level([{ level: 'Request', verbs: ['*'] }])).toBe('Request');
});

describe('resources', () => {
  test.each([
    ['pods', {}, true],
    ['pods', { subresource: 'log' }, false],
    ['pods/log', { subresource: 'log' }, true],
    ['pods/*', { subresource: 'log' }, true],
    ['*/log', { subresource: 'log' }, true],
    ['*', { subresource: 'log' }, true],
    ['*', { group: 'apps' }, false],
  ])('%s for %j: %s', (pattern, more, fits) => {
    const rules = [{ level: 'Request' as const, resources: [{ resources: [pattern] }] }];
    expect(level(rules, more)).toBe(fits ? 'Request' : 'None');
  });

  test('by group, name, namespace; paths are another matter', () => {
    expect(level([{ level: 'Request', resources: [{ group: '' }] }])).toBe('Request');
    const named = [
      { level: 'Request' as const, resources: [{ resources: ['pods'], resourceNames: ['q'] }] },
    ];
    expect(level(named)).toBe('None');
    expect(level(named, { name: 'q' })).toBe('Request');
    expect(level([{ level: 'Request', namespaces: ['b'] }])).toBe('None');
    const health = [{ level: 'Request' as const, nonResourceURLs: ['/healthz*'] }];
    expect(level(health)).toBe('None');
    expect(level(health, { isResource: false, path: '/healthz/ping' })).toBe('Request');
  });
});

test('of secrets and tokens only metadata, whatever the policy says', () => {
  expect(decide({ rules: [all] }, { ...request, resource: 'secrets' })).toMatchObject({
    level: 'Metadata',
    secretive: true,
  });
  expect(level([all], { resource: 'serviceaccounts', subresource: 'token' })).toBe('Metadata');
  expect(level([all], { group: 'authentication.k8s.io', resource: 'tokenreviews' })).toBe(
    'Metadata',
  );
  expect(level([{ level: 'None' }], { resource: 'secrets' })).toBe('None');
});

test('a policy file is read, or refused with the field', () => {
  const file = (rules: unknown, more: object = {}) =>
    readPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more });
  expect(file([{ level: 'Metadata', omitStages: ['RequestReceived'] }]).rules).toHaveLength(1);
  expect(() => file([])).toThrow('rules: at least one');
  expect(() => file([{ level: 'All' }])).toThrow('rules[0].level: must be one of None, Metadata');
  expect(() => file([{ level: 'None', user: ['a'] }])).toThrow('rules[0].user: unknown field');
  expect(() => file([{ level: 'None', verbs: 'get' }])).toThrow('rules[0].verbs: must be a list');
  expect(() => file([{ level: 'None' }], { omitStages: ['Now'] })).toThrow('omitStages: "Now"');
  expect(() => readPolicy({ kind: 'Pod' })).toThrow('audit.k8s.io/v1 and Policy');
});
