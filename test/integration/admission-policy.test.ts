import { afterAll, beforeAll, expect, test } from 'vitest';
import { configMap, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const configMaps = '/api/v1/namespaces/default/configmaps';
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi('embedded');
});
afterAll(() => api?.stop());

async function policy(name: string, spec: object) {
  const rule = {
    operations: ['CREATE', 'UPDATE'],
    apiGroups: [''],
    apiVersions: ['v1'],
    resources: ['configmaps'],
  };
  const made = await api.call('POST', `${group}/validatingadmissionpolicies`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      // Each policy looks at objects of its own only.
      matchConstraints: {
        resourceRules: [rule],
        objectSelector: { matchLabels: { policy: name } },
      },
      matchConditions: [{ name: 'not-free', expression: "object.metadata.name != 'free'" }],
      ...spec,
    },
  });
  expect(made.body.message).toBeUndefined();
}

async function bind(name: string, spec: object) {
  const made = await api.call('POST', `${group}/validatingadmissionpolicybindings`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, validationActions: ['Deny'], ...spec },
  });
  expect(made.body.message).toBeUndefined();
}

const labelled = (policy: string) => ({ labels: { policy } });

/** A fresh object, so that no try disturbs the next. */
let count = 0;
function create(policyName: string, data: Readonly<Record<string, string>> = {}) {
  count += 1;
  return api.call(
    'POST',
    configMaps,
    configMap(`${policyName}-${count}`, data, labelled(policyName)),
  );
}

test('a policy refuses with its message, reason and code once it is bound, and only then', async () => {
  await policy('deny', {
    variables: [{ name: 'color', expression: "object.?data.color.orValue('none')" }],
    validations: [
      {
        expression: "variables.color != 'red'",
        messageExpression: "'not ' + variables.color",
        reason: 'Forbidden',
      },
      { expression: "variables.color != 'blue' && namespaceObject.metadata.name == 'default'" },
    ],
  });
  expect((await create('deny', { color: 'red' })).status).toBe(201);
  await bind('deny', {});
  const red = await eventually(async () => {
    const answer = await create('deny', { color: 'red' });
    expect(answer.status).toBe(403);
    return answer;
  });
  expect(red.body).toMatchObject({ reason: 'Forbidden' });
  expect(red.body.message).toMatch(
    /^configmaps "deny-\d+" is forbidden: ValidatingAdmissionPolicy 'deny' with binding 'deny-binding' denied request: not red$/,
  );
  const blue = await create('deny', { color: 'blue' });
  expect([blue.status, blue.body.reason]).toEqual([422, 'Invalid']);
  expect(blue.body.message).toContain(
    "denied request: failed expression: variables.color != 'blue'",
  );
  expect((await create('deny', { color: 'green' })).status).toBe(201);
});

test('parameters are found by name; without them the binding says what happens', async () => {
  await policy('limit', {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    validations: [{ expression: 'object.data.size <= params.data.max' }],
  });
  await bind('limit', { paramRef: { name: 'parameters', parameterNotFoundAction: 'Deny' } });
  await eventually(async () => {
    expect((await create('limit', { size: '1' })).body.message).toContain(
      'no params found for policy binding with `Deny` parameterNotFoundAction',
    );
  });
  await api.call('POST', configMaps, configMap('parameters', { max: '5' }));
  await eventually(async () => expect((await create('limit', { size: '1' })).status).toBe(201));
  expect((await create('limit', { size: '9' })).status).toBe(422);
  // No such key: the expression fails, and failurePolicy is Fail.
  expect((await create('limit')).body.message).toContain('resulted in error: no such key');
});

test('warnings reach the client, and nothing is refused', async () => {
  await policy('warn', { validations: [{ expression: 'false', message: 'please do not' }] });
  await bind('warn', { validationActions: ['Warn', 'Audit'] });
  await eventually(async () => {
    const { status, headers } = await create('warn');
    expect([status, headers?.['warning']]).toEqual([
      201,
      `299 - "Validation failed for ValidatingAdmissionPolicy 'warn' with binding 'warn-binding': please do not"`,
    ]);
  });
});

test('failurePolicy Ignore lets pass what cannot be judged; rules may be left out by name', async () => {
  await policy('open', {
    failurePolicy: 'Ignore',
    validations: [{ expression: 'object.data.missing == "x"' }],
  });
  await bind('open', {});
  await policy('named', { validations: [{ expression: 'false' }] });
  const all = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] };
  await bind('named', {
    matchResources: { excludeResourceRules: [{ ...all, resourceNames: ['named-free'] }] },
  });
  await eventually(async () => expect((await create('named')).status).toBe(422));
  for (const name of ['named-free', 'free']) {
    const { status } = await api.call('POST', configMaps, configMap(name, {}, labelled('named')));
    expect(status).toBe(201);
  }
  expect((await create('open', { present: 'y' })).status).toBe(201);
});
