import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { webhookConfigurationStrategy } from './webhook-configuration.ts';

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const good: JsonObject = {
  name: 'images.policy.example.com',
  clientConfig: { url: 'https://127.0.0.1:8443/validate' },
  rules: [rule],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};

function errorsOf(...webhooks: readonly JsonObject[]): string[] {
  const found = webhookConfigurationStrategy.validate?.({ webhooks: [...webhooks] }, undefined);
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

describe('a webhook configuration', () => {
  it('passes when nothing is wrong', () => {
    expect(errorsOf(good, { ...good, name: 'other.policy.example.com' })).toEqual([]);
  });

  // As kube-apiserver 1.32 answered.
  it('is told what it lacks in the words and the order of Kubernetes', () => {
    const bad = {
      name: 'x',
      clientConfig: {},
      rules: [],
      admissionReviewVersions: [],
      sideEffects: 'Some',
    };
    expect(errorsOf(bad)).toEqual([
      'webhooks[0].name: Invalid value: "x": should be a domain with at least three segments separated by dots',
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
    ]);
  });

  it.each<[string, JsonObject, string]>([
    ['no url of https', { clientConfig: { url: 'http://x' } }, "'https' is the only allowed URL"],
    ['a user in the url', { clientConfig: { url: 'https://a:b@x' } }, 'user information is not'],
    ['a query', { clientConfig: { url: 'https://x/?a=b' } }, 'query parameters are not permitted'],
    ['no host', { clientConfig: { url: 'https:///x' } }, 'host must be provided'],
    [
      'a path that is none',
      { clientConfig: { service: { name: 'a', namespace: 'b', path: 'x//' } } },
      "must start with a '/'",
    ],
    ['no operations', { rules: [{ ...rule, operations: [] }] }, 'rules[0].operations: Required'],
    [
      'an unknown operation',
      { rules: [{ ...rule, operations: ['PATCH'] }] },
      'supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ],
    [
      'a wildcard beside others',
      { rules: [{ ...rule, resources: ['*', 'pods'] }] },
      "if '*' is present, must not specify other resources without subresources",
    ],
    [
      'a part that is covered',
      { rules: [{ ...rule, resources: ['pods/*', 'pods/status'] }] },
      "if 'pods/*' is present, must not specify pods/status",
    ],
    ['an unknown scope', { rules: [{ ...rule, scope: 'Node' }] }, '"Cluster", "Namespaced"'],
    ['too long a time', { timeoutSeconds: 31 }, 'must be between 1 and 30 seconds'],
    ['an unknown policy', { failurePolicy: 'Retry' }, 'supported values: "Fail", "Ignore"'],
    ['an unknown version', { admissionReviewVersions: ['v2'] }, 'must include at least one of'],
    [
      'a selector that is none',
      { objectSelector: { matchLabels: { a: 'b c' } } },
      'webhooks[0].objectSelector',
    ],
    [
      'a condition that does not compile',
      { matchConditions: [{ name: 'a', expression: 'objct.x' }] },
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'objct'",
    ],
    [
      'a condition that is no condition',
      { matchConditions: [{ name: 'a', expression: 'request.name' }] },
      'must evaluate to bool',
    ],
    [
      'a field that requests do not have',
      { matchConditions: [{ name: 'a', expression: 'request.user == "a"' }] },
      "undefined field 'user'",
    ],
    ['no sideEffects', { sideEffects: undefined }, 'must specify one of None, NoneOnDryRun'],
  ])('is refused with %s', (_what, change, message) => {
    const errors = errorsOf({ ...good, ...change });
    expect(errors.join('\n')).toContain(message);
  });

  it('needs names of its own for webhooks and conditions', () => {
    expect(errorsOf(good, good)).toEqual([
      'webhooks[1].name: Duplicate value: "images.policy.example.com"',
    ]);
    const condition = { name: 'a', expression: 'true' };
    expect(errorsOf({ ...good, matchConditions: [condition, condition] })).toEqual([
      'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
    ]);
  });
});
