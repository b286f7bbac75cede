/** Admission webhooks over real HTTPS. What is expected is what kube-apiserver 1.32 was seen to do. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWebhook } from '../../examples/admission-webhook/webhook.ts';
import { createMetrics } from '../../lib/prometheus.ts';
import {
  aliceToken,
  type Body,
  configMap,
  eventually,
  startTestApi,
  type TestApi,
  widgetDefinition,
} from '../harness/apiserver.ts';
import {
  patching,
  reviewed,
  startWebhookServer,
  type WebhookServer,
} from '../harness/webhook-server.ts';

let api: TestApi;
let hooks: WebhookServer;
const maps = '/api/v1/namespaces/hooked/configmaps';
const registrations = '/apis/admissionregistration.k8s.io/v1';
const widgets = '/apis/hooks.example.com/v1/namespaces/hooked/widgets';

beforeAll(async () => {
  api = await startTestApi('embedded', { metrics: createMetrics() });
  hooks = await startWebhookServer(api.pki);
  const labels = { hooked: 'yes' };
  await made('/api/v1/namespaces', { metadata: { name: 'hooked', labels } });
  const definition = widgetDefinition('hooks.example.com');
  const [v1] = definition.spec.versions;
  definition.spec.versions.push({ ...v1, name: 'v2', storage: false });
  await made('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  await eventually(async () => expect((await api.call('GET', widgets)).status).toBe(200));
}, 120_000);

afterAll(async () => {
  await hooks?.stop();
  await api?.stop();
});

async function made(path: string, object: Body): Promise<Body> {
  const answer = await api.call('POST', path, object);
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

/** Registers one webhook for ConfigMaps and Widgets; a fresh list shows that the server knows it. */
async function register(kind: 'mutating' | 'validating', name: string, more: Body = {}) {
  const { webhook = {}, url = `${hooks.url}/${name}` } = more;
  const path = `${registrations}/${kind}webhookconfigurations`;
  await made(path, {
    metadata: { name },
    webhooks: [
      {
        name: `${name}.hooks.example.com`,
        clientConfig: { url, caBundle: hooks.caBundle },
        rules: [
          {
            operations: ['*'],
            apiGroups: ['', 'hooks.example.com'],
            apiVersions: ['v1'],
            resources: ['configmaps', 'widgets', 'pods/eviction', 'widgets/scale'],
          },
        ],
        namespaceSelector: { matchLabels: { hooked: 'yes' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
        ...webhook,
      },
    ],
  });
  const { body } = await api.call('GET', path);
  expect(body.items.map(({ metadata }: Body) => metadata.name)).toContain(name);
}

beforeEach(async () => {
  for (const kind of ['mutating', 'validating']) {
    const path = `${registrations}/${kind}webhookconfigurations`;
    expect((await api.call('DELETE', path)).status).toBe(200);
    expect((await api.call('GET', path)).body.items).toEqual([]);
  }
  hooks.take();
});

describe('a mutating webhook', () => {
  it('is asked in Kubernetes words and changes what is stored; its fields belong to nobody', async () => {
    hooks.on('/mark', (review) =>
      patching(review, { op: 'add', path: '/metadata/labels', value: { mut: 'a' } }),
    );
    await register('mutating', 'mark');
    const created = await made(maps, configMap('m1', { a: '1' }));
    expect(created.metadata.labels).toEqual({ mut: 'a' });
    expect(JSON.stringify(created.metadata.managedFields)).not.toContain('f:labels');
    const [call] = hooks.take();
    expect(call).toMatchObject({ path: '/mark', timeout: '5s' });
    expect(call?.review).toMatchObject({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      request: {
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
        requestResource: { group: '', version: 'v1', resource: 'configmaps' },
        name: 'm1',
        namespace: 'hooked',
        operation: 'CREATE',
        userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
        object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'm1' }, data: { a: '1' } },
        oldObject: null,
        dryRun: false,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    });
    expect(call?.review.request.object.metadata.uid).toBeUndefined();
  });

  it('comes after another in the order of names, and is asked again if it likes', async () => {
    const append = (letter: string) => (review: Body) => {
      const seen = review.request.object.data?.seen ?? '';
      return patching(review, { op: 'add', path: '/data/seen', value: seen + letter });
    };
    hooks.on('/b-first', append('b'));
    hooks.on('/c-second', append('c'));
    await register('mutating', 'c-second');
    await register('mutating', 'b-first', { webhook: { reinvocationPolicy: 'IfNeeded' } });
    const created = await made(maps, configMap('order', { x: '1' }));
    expect(created.data.seen).toBe('bcb');
  });

  it('sees defaults, and what it adds is pruned and judged', async () => {
    hooks.on('/widget', (review) =>
      patching(
        review,
        { op: 'add', path: '/spec/unknown', value: 1 },
        { op: 'replace', path: '/spec/size', value: review.request.object.spec.size + 6 },
      ),
    );
    await register('mutating', 'widget');
    const widget = { apiVersion: 'hooks.example.com/v1', kind: 'Widget', metadata: { name: 'w' } };
    const created = await made(widgets, { ...widget, spec: {} });
    expect(created.spec).toEqual({ size: 7 });
    hooks.on('/widget', (review) =>
      patching(review, { op: 'replace', path: '/spec/size', value: -1 }),
    );
    const refused = await api.call('PUT', `${widgets}/w`, created);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain('spec.size');
  });

  it('is asked about other versions in the one that it named', async () => {
    hooks.on('/versions', (review) =>
      patching(review, { op: 'add', path: '/spec/color', value: 'red' }),
    );
    await register('mutating', 'versions');
    const path = widgets.replace('/v1/', '/v2/');
    const sent = { apiVersion: 'hooks.example.com/v2', kind: 'Widget', metadata: { name: 'two' } };
    const created = await made(path, { ...sent, spec: {} });
    expect(created).toMatchObject({ apiVersion: sent.apiVersion, spec: { color: 'red' } });
    const [call] = hooks.take();
    expect(call?.review.request).toMatchObject({
      kind: { version: 'v1' },
      requestKind: { version: 'v2' },
      object: { apiVersion: 'hooks.example.com/v1' },
    });
  });

  it('fails the request when its patch does not fit', async () => {
    hooks.on('/bad', (review) => patching(review, { op: 'test', path: '/nope', value: 1 }));
    await register('mutating', 'bad');
    const answer = await api.call('POST', maps, configMap('bad'));
    expect(answer.status).toBe(500);
    expect(answer.body.reason).toBe('InternalError');
    expect(answer.body.message).toMatch(/^Internal error occurred: /);
  });

  it('may not change what is being deleted', async () => {
    await made(maps, configMap('gone'));
    hooks.on('/del', (review) => patching(review, { op: 'add', path: '/data', value: {} }));
    await register('mutating', 'del');
    const answer = await api.call('DELETE', `${maps}/gone`);
    expect(answer.status).toBe(500);
    expect(answer.body.message).toBe(
      'Internal error occurred: admission webhook "del.hooks.example.com" attempted to modify the object, which is not supported for this operation',
    );
  });
});

describe('a validating webhook', () => {
  it('refuses with its own status and warnings', async () => {
    const status = { code: 418, message: 'I am a teapot', reason: 'Teapot' };
    hooks.on('/val', (review) =>
      reviewed(review, { allowed: false, status, warnings: ['careful'] }),
    );
    await register('validating', 'val');
    const answer = await api.call('POST', maps, configMap('d1'));
    expect(answer.status).toBe(418);
    expect(answer.headers['warning']).toBe('299 - "careful"');
    expect(answer.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'admission webhook "val.hooks.example.com" denied the request: I am a teapot',
      reason: 'Teapot',
      code: 418,
    });
  });

  it('refuses without explanation, deletes and updates too, and is asked once', async () => {
    await made(maps, configMap('d2'));
    hooks.on('/val', (review) => reviewed(review, { allowed: false }));
    await register('validating', 'val');
    const change = { data: { a: '1' } };
    const type = { headers: { 'content-type': 'application/merge-patch+json' } };
    const message =
      'admission webhook "val.hooks.example.com" denied the request without explanation';
    for (const answer of [
      await api.call('DELETE', `${maps}/d2`),
      await api.call('PATCH', `${maps}/d2`, change, type),
      await api.call('DELETE', maps),
    ])
      expect([answer.status, answer.body.message]).toEqual([400, message]);
    const asked = hooks.take().map(({ review: { request } }) => ({
      operation: request.operation,
      name: request.name,
      options: request.options.kind,
      old: request.oldObject.metadata.name,
      object: request.object?.data ?? null,
    }));
    expect(asked.slice(0, 2)).toEqual([
      { operation: 'DELETE', name: 'd2', options: 'DeleteOptions', old: 'd2', object: null },
      { operation: 'UPDATE', name: 'd2', options: 'UpdateOptions', old: 'd2', object: { a: '1' } },
    ]);
    expect(asked).toHaveLength(3);
    // Of a collection no name is told.
    expect(asked[2]).toMatchObject({ operation: 'DELETE', name: undefined, object: null });
  });

  it('sees the object as it would be stored', async () => {
    hooks.on('/val', (review) => reviewed(review, {}));
    await register('validating', 'val');
    await made(maps, { ...configMap('x'), metadata: { generateName: 'gen-' } });
    const [call] = hooks.take();
    expect(call?.review.request.name).toMatch(/^gen-.{5}$/);
    expect(call?.review.request.object.metadata.uid).toBeTruthy();
  });

  it('is not asked about its own kind, so that it can be removed', async () => {
    hooks.on('/all', (review) => reviewed(review, { allowed: false }));
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
    await register('validating', 'all', { webhook: { rules, namespaceSelector: {} } });
    await eventually(async () => {
      expect((await api.call('POST', maps, configMap('no'))).status).toBe(400);
    });
    const path = `${registrations}/validatingwebhookconfigurations/all`;
    expect((await api.call('DELETE', path)).status).toBe(200);
  });

  it('can be told by expressions and labels what it need not see', async () => {
    hooks.on('/val', (review) => reviewed(review, { allowed: false }));
    await register('validating', 'val', {
      webhook: {
        objectSelector: { matchLabels: { guarded: 'yes' } },
        matchConditions: [
          { name: 'not-admin', expression: "!('system:masters' in request.userInfo.groups)" },
          { name: 'has-data', expression: 'has(object.data)' },
        ],
      },
    });
    await made(maps, configMap('free', { a: '1' }, { labels: { guarded: 'yes' } }));
    const { subject, role } = editorOf('alice');
    await made('/apis/rbac.authorization.k8s.io/v1/namespaces/hooked/rolebindings', role(subject));
    const as = { token: aliceToken };
    const guarded = (name: string, labels: Body) =>
      api.call('POST', maps, configMap(name, { a: '1' }, { labels }), as);
    await eventually(async () =>
      expect((await guarded('seen', { guarded: 'no' })).status).toBe(201),
    );
    expect((await guarded('other', { guarded: 'yes' })).status).toBe(400);
  });

  it('sees scales and dry runs for what they are', async () => {
    const widget = { apiVersion: 'hooks.example.com/v1', kind: 'Widget', metadata: { name: 's' } };
    await made(widgets, { ...widget, spec: { replicas: 1 } });
    hooks.on('/val', (review) => reviewed(review, {}));
    await register('validating', 'val');
    const type = { headers: { 'content-type': 'application/merge-patch+json' } };
    const change = { spec: { replicas: 3 } };
    const scaled = await api.call('PATCH', `${widgets}/s/scale?dryRun=All`, change, type);
    expect(scaled.status, scaled.text).toBe(200);
    const [call] = hooks.take();
    expect(call?.review.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: 'hooks.example.com', resource: 'widgets' },
      subResource: 'scale',
      dryRun: true,
      options: { kind: 'UpdateOptions', dryRun: ['All'] },
      object: { kind: 'Scale', spec: { replicas: 3 } },
      oldObject: { kind: 'Scale', spec: { replicas: 1 } },
    });
  });

  it('sees an eviction as one, and not the delete that comes of it', async () => {
    const pods = maps.replace('configmaps', 'pods');
    const spec = { containers: [{ name: 'a', image: 'a' }] };
    await made(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });
    hooks.on('/val', (review) => reviewed(review, {}));
    const rule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'] };
    await register('validating', 'val', {
      webhook: { rules: [{ ...rule, resources: ['pods', 'pods/eviction'] }] },
    });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
    await made(`${pods}/p/eviction`, eviction);
    expect(hooks.take().map(({ review }) => review.request)).toMatchObject([
      {
        operation: 'CREATE',
        kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
        resource: { resource: 'pods' },
        subResource: 'eviction',
        name: 'p',
        object: eviction,
      },
    ]);
  });
});

describe('a webhook that fails', () => {
  const failing = (message: string) =>
    `Internal error occurred: failed calling webhook "val.hooks.example.com": ${message}`;

  it.each<[string, Body, string]>([
    [
      'with an error',
      { status: 500, text: 'boom' },
      'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
    ],
    [
      'with another review',
      { apiVersion: 'v1', kind: 'Pod', response: { uid: 'x', allowed: true } },
      'received invalid webhook response: expected response.uid="',
    ],
    ['without a response', {}, 'received invalid webhook response: webhook response was absent'],
    [
      'with no JSON',
      { status: 200, text: 'hello' },
      "failed to call webhook: couldn't get version/kind; json parse error: ",
    ],
  ])('%s', async (_how, answered, message) => {
    hooks.on('/val', () => answered);
    await register('validating', 'val');
    const answer = await api.call('POST', maps, configMap('failing'));
    expect(answer.status).toBe(500);
    expect(answer.body.message).toContain(failing(message));
  });

  it('refuses or lets pass as its policy says, and is counted', async () => {
    hooks.on('/val', () => ({ status: 500, text: 'boom' }));
    await register('validating', 'val', { webhook: { failurePolicy: 'Ignore' } });
    await made(maps, configMap('ignored'));
    const { text } = await api.call('GET', '/metrics');
    expect(text).toContain(
      'apiserver_admission_webhook_fail_open_count{name="val.hooks.example.com",type="validating"} 1',
    );
    expect(text).toMatch(
      /apiserver_admission_webhook_request_total\{name="val.hooks.example.com",type="validating",operation="CREATE",code="500",rejected="false"\} 1/,
    );
  });

  it('has its time and no more', async () => {
    let release = () => {};
    hooks.on('/val', async (review) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return reviewed(review, {});
    });
    await register('validating', 'val', { webhook: { timeoutSeconds: 1 } });
    const answer = await api.call('POST', maps, configMap('late'));
    release();
    expect(answer.status).toBe(500);
    expect(answer.body.message).toBe(
      failing(
        `failed to call webhook: Post "${hooks.url}/val?timeout=1s": context deadline exceeded`,
      ),
    );
  });

  it.each<[string, Body, string]>([
    [
      'nobody listens',
      { url: 'https://127.0.0.1:1/val' },
      'dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'its certificate is of nobody known',
      { webhook: 'untrusted' },
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      'its certificates are none',
      { webhook: 'placeholder' },
      'unable to load root certificates: unable to parse bytes as PEM block',
    ],
    [
      'it is a Service',
      { webhook: { clientConfig: { service: { namespace: 'a', name: 'b' } } } },
      'service "a/b" cannot be reached',
    ],
  ])('because %s', async (_why, more, message) => {
    const url = `${hooks.url}/val`;
    const configs: Body = { untrusted: { url }, placeholder: { url, caBundle: 'Cg==' } };
    const clientConfig = configs[more.webhook];
    const webhook = clientConfig === undefined ? more.webhook : { clientConfig };
    await register('validating', 'val', { ...more, webhook });
    const answer = await api.call('POST', maps, configMap('unreached'));
    expect(answer.status).toBe(500);
    expect(answer.body.message).toContain(message);
  });
});

describe('the example', () => {
  it('labels Workloads and refuses images without a tag', async () => {
    const pair = await api.pki.leaf('webhook', { commonName: 'webhook', hosts: ['127.0.0.1'] });
    const server = createWebhook(pair.key, pair.cert);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // A TCP server that listens has an address with a port.
    const { port } = server.address() as AddressInfo;
    const text = readFileSync('examples/admission-webhook/configuration.yaml', 'utf8')
      .replaceAll('CA_BUNDLE', hooks.caBundle)
      .replaceAll('9443', String(port));
    const headers = { 'content-type': 'application/yaml' };
    for (const [index, document] of text.split('---\n').entries()) {
      const path = `${registrations}/${index === 0 ? 'mutating' : 'validating'}webhookconfigurations`;
      const answer = await api.call('POST', path, document, { headers });
      expect(answer.status, answer.text).toBe(201);
      expect((await api.call('GET', path)).body.items).toHaveLength(1);
    }
    const workload = (name: string, image: string) => {
      const labels = { app: name };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image }] } };
      const spec = { replicas: 1, selector: { matchLabels: labels }, template };
      return { apiVersion: 'berth.dev/v1', kind: 'Workload', metadata: { name }, spec };
    };
    const workloads = '/apis/berth.dev/v1/namespaces/hooked/workloads';
    const created = await made(workloads, workload('tagged', 'nginx:1.29'));
    expect(created.metadata.labels).toEqual({ team: 'hooked' });
    const refused = await api.call('POST', workloads, workload('untagged', 'nginx'));
    expect(refused.status).toBe(403);
    expect(refused.body.message).toBe(
      'admission webhook "tags.example.com" denied the request: say the tag of the image of: a',
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

/** The right to write everything in a namespace. */
function editorOf(name: string) {
  const subject = { kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' };
  const role = (of: Body) => ({
    metadata: { name: `${name}-edits` },
    subjects: [of],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
  });
  return { subject, role };
}
