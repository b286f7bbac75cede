/** Who may do what, and what odd clients get: credentials, roles, nodes, bodies, broken connections. */

import { connect as connectHttp2, constants } from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  aliceToken,
  configMap,
  eventually,
  startTestApi,
  type TestApi,
} from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
const at = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

beforeAll(async () => {
  api = await startTestApi('embedded');
});
afterAll(() => api.stop());

function pod(name: string, spec: object = {}) {
  const containers = [{ name: 'c', image: 'busybox' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, ...spec } };
}

describe('credentials', () => {
  test('a wrong token is 401, none is anonymous, who sees little', async () => {
    expect((await api.call('GET', at, undefined, { token: 'wrong' })).status).toBe(401);
    const nobody = await api.call('GET', at, undefined, { token: null });
    expect(nobody.status).toBe(403);
    expect(nobody.body.message).toContain(
      'User "system:anonymous" cannot list resource "configmaps"',
    );
    expect((await api.call('GET', '/readyz', undefined, { token: null })).text).toBe('ok');
  });

  test('a client certificate of our CA names the user and its groups', async () => {
    const cert = await api.pki.leaf('boss', {
      commonName: 'boss',
      organizations: ['system:masters'],
    });
    const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const answer = await api.call('POST', review, {}, { token: null, cert });
    expect(answer.body.status.userInfo).toMatchObject({
      username: 'boss',
      groups: ['system:masters', 'system:authenticated'],
    });
  });

  test('who acts as somebody else may do what that one may, and only with the right to', async () => {
    const as = (user: string, group: string) => ({
      headers: { 'impersonate-user': user, 'impersonate-group': group },
    });
    const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const shown = await api.call('POST', review, {}, as('carol', 'team'));
    expect(shown.body.status.userInfo).toEqual({
      username: 'carol',
      groups: ['team', 'system:authenticated'],
    });
    expect((await api.call('GET', at, undefined, as('carol', 'team'))).body.message).toContain(
      'User "carol" cannot list resource "configmaps"',
    );
    const alice = { token: aliceToken, ...as('x', 'system:masters') };
    expect((await api.call('GET', at, undefined, alice)).status).toBe(403);
  });

  test('a role binding lets a user do that and no more', async () => {
    const alice = { token: aliceToken };
    expect((await api.call('GET', at, undefined, alice)).status).toBe(403);
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const metadata = { name: 'reader' };
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }];
    await api.call('POST', `${rbac}/roles`, { apiVersion, kind: 'Role', metadata, rules });
    await api.call('POST', `${rbac}/rolebindings`, {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'devs' }],
    });
    await eventually(async () =>
      expect((await api.call('GET', at, undefined, alice)).status).toBe(200),
    );
    expect((await api.call('POST', at, configMap('x'), alice)).status).toBe(403);
    expect((await api.call('GET', '/api/v1/configmaps', undefined, alice)).status).toBe(403);
  });

  test('an admin of a namespace cannot grant there what it does not hold', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const bind = (name: string, user: string, role: string) => ({
      apiVersion,
      kind: 'RoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
    await api.call('POST', `${rbac}/rolebindings`, bind('dora', 'dora', 'admin'));
    const dora = { headers: { 'impersonate-user': 'dora' } };
    const role = (name: string, resource: string) =>
      api.call(
        'POST',
        `${rbac}/roles`,
        {
          apiVersion,
          kind: 'Role',
          metadata: { name },
          rules: [{ apiGroups: [''], resources: [resource], verbs: ['get'] }],
        },
        dora,
      );
    await eventually(async () => expect((await role('low', 'pods')).status).toBe(201));
    expect((await role('high', 'nodes')).body.message).toContain(
      '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
    );
    const give = async (to: string) =>
      (await api.call('POST', `${rbac}/rolebindings`, bind(to, 'eve', to), dora)).status;
    expect([await give('cluster-admin'), await give('view')]).toEqual([403, 201]);
    const merge = { headers: { ...dora.headers, 'content-type': 'application/merge-patch+json' } };
    const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    expect((await api.call('PATCH', `${rbac}/roles/low`, { rules }, merge)).status).toBe(403);
  });

  test('a node reads its own pods and what they refer to', async () => {
    const cert = await api.pki.leaf('node', {
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
    });
    const node = { token: null, cert };
    for (const name of ['used', 'unused'])
      await api.call('POST', '/api/v1/namespaces/default/secrets', {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name },
      });
    const volumes = [{ name: 'v', secret: { secretName: 'used' } }];
    await api.call('POST', pods, pod('mine', { nodeName: 'n1', volumes }));
    await api.call('POST', pods, pod('theirs', { nodeName: 'n2' }));
    const get = async (path: string) => (await api.call('GET', path, undefined, node)).status;
    await eventually(async () => expect(await get(`${pods}/mine`)).toBe(200));
    expect(await get(`${pods}/theirs`)).toBe(403);
    expect(await get('/api/v1/pods?fieldSelector=spec.nodeName%3Dn1')).toBe(200);
    expect(await get('/api/v1/pods')).toBe(403);
    expect(await get('/api/v1/namespaces/default/secrets/used')).toBe(200);
    expect(await get('/api/v1/namespaces/default/secrets/unused')).toBe(403);
    expect(await get('/api/v1/namespaces/default/secrets')).toBe(403);
    const status = { status: { phase: 'Running' } };
    const merge = { ...node, headers: { 'content-type': 'application/merge-patch+json' } };
    expect((await api.call('PATCH', `${pods}/mine/status`, status, merge)).status).toBe(200);
    expect((await api.call('PATCH', `${pods}/theirs/status`, status, merge)).status).toBe(403);
    expect((await api.call('PATCH', `${pods}/mine`, { metadata: {} }, merge)).status).toBe(403);
  });
});

describe('bad input is refused with the field and what to do', () => {
  const cases: readonly [string, object, string, RegExp][] = [
    [
      'no image',
      pod('a', { containers: [{ name: 'c' }] }),
      'spec.containers[0].image',
      /name the image/,
    ],
    [
      'a name twice',
      pod('a', {
        containers: [
          { name: 'c', image: 'i' },
          { name: 'c', image: 'i' },
        ],
      }),
      'spec.containers[1].name',
      /Duplicate value: "c"/,
    ],
    ['no containers', pod('a', { containers: [] }), 'spec.containers', /Required value/],
    ['an illegal name', pod('A_b'), 'metadata.name', /must consist of lower case/],
    [
      'an illegal container name',
      pod('a', { containers: [{ name: 'B_', image: 'i' }] }),
      'spec.containers[0].name',
      /must consist of lower case/,
    ],
    [
      'a mount of nothing',
      pod('a', {
        containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      }),
      'spec.containers[0].volumeMounts[0].name',
      /no entry of spec.volumes/,
    ],
  ];

  test.each(cases)('%s', async (_name, object, field, message) => {
    const { status, body } = await api.call('POST', pods, object);
    expect(status).toBe(422);
    expect(body.details.causes.map((cause: { field: string }) => cause.field)).toContain(field);
    expect(body.message).toMatch(message);
  });

  test.each([
    ['a wrong type', { hostNetwork: 'yes' }, /spec.hostNetwork: must be of type boolean/],
    [
      'an impossible quantity',
      { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: 'lots' } } }] },
      /spec.containers\[0\].resources.limits.cpu: "lots" must be a quantity: .* 500m/,
    ],
  ])('%s cannot even be decoded', async (_name, spec, message) => {
    const { status, body } = await api.call('POST', pods, pod('a', spec));
    expect([status, body.reason, body.details]).toEqual([400, 'BadRequest', undefined]);
    expect(body.message).toMatch(/^Pod in version "v1" cannot be handled as a Pod: /);
    expect(body.message).toMatch(message);
  });

  test('a negative number of replicas of a Workload', async () => {
    const labels = { app: 'w' };
    const { body } = await api.call('POST', '/apis/berth.dev/v1/namespaces/default/workloads', {
      apiVersion: 'berth.dev/v1',
      kind: 'Workload',
      metadata: { name: 'w' },
      spec: {
        replicas: -1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: pod('w').spec },
      },
    });
    expect(body.message).toMatch(/spec.replicas: Invalid value: -1: .* greater than or equal to 0/);
  });

  test('unknown fields: refused, told, or dropped, as the client asks', async () => {
    const object = { ...configMap('u'), dat: {} };
    const strict = await api.call('POST', `${at}?fieldValidation=Strict&dryRun=All`, object);
    expect([strict.status, strict.body.message]).toEqual([
      400,
      expect.stringContaining('unknown field "dat" (did you mean "data"?)'),
    ]);
    const warned = await api.call('POST', `${at}?dryRun=All`, object);
    expect(String(warned.headers?.['warning'])).toContain('unknown field \\"dat\\"');
    const ignored = await api.call('POST', `${at}?fieldValidation=Ignore&dryRun=All`, object);
    expect(ignored.headers?.['warning']).toBeUndefined();
  });

  test('an unknown field in a patch is told without the whole object', async () => {
    const volumes = '/apis/berth.dev/v1/namespaces/default/volumes';
    const typed = { apiVersion: 'berth.dev/v1', kind: 'Volume', metadata: { name: 'typo' } };
    await api.call('POST', volumes, { ...typed, spec: { size: '1Gi' } });
    const patch = { spec: { sise: '2Gi' } };
    const { status, body } = await api.call(
      'PATCH',
      `${volumes}/typo?fieldValidation=Strict`,
      patch,
      { headers: { 'content-type': 'application/merge-patch+json' } },
    );
    expect([status, body.message]).toEqual([
      422,
      'Volume.berth.dev "typo" is invalid: patch: strict decoding error: ' +
        'unknown field "spec.sise" (did you mean "size"?)',
    ]);
  });

  test('text that is no JSON, no YAML, or nested without end', async () => {
    const yaml = { headers: { 'content-type': 'application/yaml' } };
    const bodies = [
      await api.call('POST', at, '{"kind":'),
      await api.call('POST', at, 'a: [', yaml),
      await api.call('POST', at, '['.repeat(200_000)),
      await api.call('POST', at, ''),
      await api.call('DELETE', `${at}/none`, '{{'),
    ];
    expect(bodies.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  });

  test('4 MB are answered with 413, over HTTP/1.1 and HTTP/2', async () => {
    const big = JSON.stringify(configMap('big', { x: 'x'.repeat(4_200_000) }));
    expect((await api.call('POST', at, big)).status).toBe(413);
    expect(await postOverHttp2(big)).toBe(413);
  });

  test.each([
    'limit=x',
    'labelSelector=((',
    'fieldSelector=none%3D1',
    'continue=%00',
    'resourceVersion=-1',
    'watch=1&timeoutSeconds=-1',
  ])('absurd query %s', async (query) => {
    expect((await api.call('GET', `${at}?${query}`)).status).toBe(400);
  });

  test.each([
    ['HEAD', at, 405],
    ['OPTIONS', at, 405],
    ['PUT', at, 405],
    ['DELETE', '/api/v1/configmaps', 405],
    ['GET', '/%zz', 404],
    ['GET', '//api', 404],
    ['GET', '/api/v2', 404],
  ])('%s %s', async (method, path, status) => {
    expect((await api.call(method, path)).status).toBe(status);
  });
});

function postOverHttp2(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(api.url, { ca: api.pki.ca });
    session.on('error', reject);
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: at,
      authorization: 'Bearer admin-token',
      'content-type': 'application/json',
    });
    stream.on('response', (headers) => {
      resolve(Number(headers[constants.HTTP2_HEADER_STATUS]));
      stream.resume().on('end', () => session.close());
    });
    stream.on('error', reject);
    stream.end(body);
  });
}

describe('bodies in other forms', () => {
  test('YAML in and out, Tables, metadata only', async () => {
    const yaml = { headers: { 'content-type': 'application/yaml', accept: 'application/yaml' } };
    const made = await api.call(
      'POST',
      at,
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: "1"}\n',
      yaml,
    );
    expect([made.status, made.headers?.['content-type']]).toEqual([201, 'application/yaml']);
    expect(made.text).toContain('name: yaml');
    const as = (form: string) => ({
      headers: { accept: `application/json;as=${form};g=meta.k8s.io;v=v1` },
    });
    const table = await api.call('GET', `${at}/yaml`, undefined, as('Table'));
    expect(table.body.rows[0].cells[0]).toBe('yaml');
    const meta = await api.call('GET', at, undefined, as('PartialObjectMetadataList'));
    expect(meta.body.items[0].data).toBeUndefined();
    const missing = await api.call('GET', `${at}/none`, undefined, yaml);
    expect(missing.headers?.['content-type']).toBe('application/yaml');
  });

  test('a protobuf body as client-go sends it', async () => {
    const text = (field: number, value: string) => [
      (field << 3) | 2,
      value.length,
      ...Buffer.from(value),
    ];
    const nested = (field: number, value: number[]) => [(field << 3) | 2, value.length, ...value];
    // runtime.Unknown {1: TypeMeta, 2: raw ConfigMap {1: metadata {1: name}, 2: data entry}}
    const raw = [...nested(1, text(1, 'proto')), ...nested(2, [...text(1, 'k'), ...text(2, 'v')])];
    const envelope = [...nested(1, [...text(1, 'v1'), ...text(2, 'ConfigMap')]), ...nested(2, raw)];
    const body = new Uint8Array([0x6b, 0x38, 0x73, 0, ...envelope]);
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
    const made = await api.call('POST', at, body, { headers });
    expect(made.body).toMatchObject({ metadata: { name: 'proto' }, data: { k: 'v' } });
  });

  test('openapi v2 answers, so that kubectl says itself that a kind does not exist', async () => {
    expect((await api.call('GET', '/openapi/v2')).body).toMatchObject({ swagger: '2.0' });
  });
});

describe('broken connections do no harm', () => {
  const alive = async () => expect((await api.call('GET', '/livez')).text).toBe('ok');

  test('garbage instead of TLS, inside of TLS, and instead of HTTP/2', async () => {
    for (const ALPNProtocols of [['http/1.1'], ['h2']]) {
      const socket = tls.connect({
        port: api.server.port,
        host: '127.0.0.1',
        ca: api.pki.ca,
        ALPNProtocols,
      });
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      socket.resume();
      socket.write(Buffer.alloc(5_000, 0xa5));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await alive();
  });

  test('a client that goes in the middle of its body, or of a watch', async () => {
    const headers = {
      authorization: 'Bearer admin-token',
      'content-type': 'application/json',
      'content-length': 1_000,
    };
    const half = https.request(api.url + at, {
      method: 'POST',
      ca: api.pki.ca,
      agent: false,
      headers,
    });
    half.on('error', () => undefined);
    await new Promise((resolve) => half.write('{"kind":', resolve));
    half.destroy();
    const before = api.server.watches;
    const watching = await api.watch(`${at}?watch=1`);
    watching.close();
    await eventually(() => expect(api.server.watches).toBe(before));
    await alive();
  });

  test.each(['/', '/api/v1/pods', `${pods}/none/exec`, '/%zz'])(
    'an upgrade of %s',
    async (path) => {
      const answer = await new Promise<number>((resolve, reject) => {
        const headers = {
          authorization: 'Bearer admin-token',
          connection: 'Upgrade',
          upgrade: 'websocket',
        };
        const request = https.get(
          api.url + path,
          { ca: api.pki.ca, agent: false, headers },
          (response) => resolve(response.statusCode ?? 0),
        );
        request.on('error', reject);
      });
      expect(answer).toBe(404);
      await alive();
    },
  );
});
