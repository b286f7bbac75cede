/** Tokens of service accounts over HTTPS: asked for, shown, reviewed, and at their end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Body, startTestApi, type TestApi } from '../harness/apiserver.ts';

const issuer = 'https://kubernetes.default.svc';
const core = '/api/v1/namespaces/default';
const accounts = `${core}/serviceaccounts`;
let api: TestApi;

beforeAll(async () => {
  api = await startTestApi('embedded');
  await make(accounts, { kind: 'ServiceAccount', metadata: { name: 'robot' } });
}, 120_000);
afterAll(() => api.stop());

async function make(path: string, object: Body): Promise<Body> {
  const { status, body } = await api.call('POST', path, { apiVersion: 'v1', ...object });
  expect(status).toBe(201);
  return body;
}

const ask = (spec: Body, account = 'robot', metadata: Body = {}) =>
  api.call('POST', `${accounts}/${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata,
    spec,
  });

const review = (spec: Body) =>
  api.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec,
  });

const whoami = (token: string) =>
  api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { token });

const podNamed = (name: string, serviceAccountName: string, nodeName: string) => ({
  kind: 'Pod',
  metadata: { name },
  spec: { serviceAccountName, nodeName, containers: [{ name: 'c', image: 'registry.example/a' }] },
});

describe('a token', () => {
  test('is made as upstream makes it, and names its account to the API', async () => {
    const { status, body } = await ask({});
    expect(status).toBe(201);
    expect(body).toMatchObject({
      kind: 'TokenRequest',
      metadata: { name: 'robot', namespace: 'default' },
      spec: { audiences: [issuer], expirationSeconds: 3600, boundObjectRef: null },
    });
    const { body: me } = await whoami(body.status.token);
    expect(me.status.userInfo).toMatchObject({
      username: 'system:serviceaccount:default:robot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
    });
    const { body: seen } = await review({ token: body.status.token });
    expect(seen.status).toEqual({
      authenticated: true,
      user: me.status.userInfo,
      audiences: [issuer],
    });
  });

  test('for somebody else is no token for the API', async () => {
    const { token } = (await ask({ audiences: ['vault'] })).body.status;
    expect((await whoami(token)).status).toBe(401);
    expect((await review({ token })).body.status).toMatchObject({
      user: {},
      error: `[invalid bearer token, the token is for ["vault"], not for ["${issuer}"]]`,
    });
    const { status } = (await review({ token, audiences: ['vault', 'other'] })).body;
    expect(status).toMatchObject({ authenticated: true, audiences: ['vault'] });
  });

  test('ends with the pod it is bound to, and tells it', async () => {
    const pod = await make(`${core}/pods`, podNamed('web', 'robot', 'n1'));
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: pod.metadata.uid };
    const { token } = (await ask({ boundObjectRef })).body.status;
    expect((await whoami(token)).body.status.userInfo.extra).toMatchObject({
      'authentication.kubernetes.io/node-name': ['n1'],
      'authentication.kubernetes.io/pod-name': ['web'],
      'authentication.kubernetes.io/pod-uid': [pod.metadata.uid],
    });
    await api.call('DELETE', `${core}/pods/web?gracePeriodSeconds=0`);
    const { status, body } = await whoami(token);
    expect([status, body.message]).toEqual([401, 'the pod default/web of the token is gone']);
  });

  test('ends with its account', async () => {
    await make(accounts, { kind: 'ServiceAccount', metadata: { name: 'short' } });
    const { token } = (await ask({}, 'short')).body.status;
    expect((await whoami(token)).status).toBe(201);
    await api.call('DELETE', `${accounts}/short`);
    await make(accounts, { kind: 'ServiceAccount', metadata: { name: 'short' } });
    expect((await whoami(token)).status).toBe(401);
  });
});

test.each([
  [{ expirationSeconds: 5 }, 422, /Invalid value: 5: may not specify a duration less than 10 min/],
  [{ expirationSeconds: 2 ** 33 }, 422, /may not specify a duration larger than 2\^32 seconds/],
  [{ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'no' } }, 404, /pods "no" not found/],
  [{ boundObjectRef: { apiVersion: 'v1', kind: 'Job', name: 'no' } }, 400, /cannot bind token to/],
  [
    { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'other' } },
    400,
    /cannot bind token for serviceaccount "robot" to pod running with different serviceaccount/,
  ],
  [
    { boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: 'kept', uid: 'old' } },
    409,
    /the UID in the bound object reference \(old\) does not match the UID in record/,
  ],
])('%j is refused', async (spec, code, message) => {
  await api.call('POST', `${core}/pods`, podNamed('other', 'default', 'n1'));
  await api.call('POST', `${core}/secrets`, { metadata: { name: 'kept' } });
  const { status, body } = await ask(spec);
  expect([status, body.message]).toEqual([code, expect.stringMatching(message)]);
});

test('the request’s own metadata must be the URL’s, and the account must be there', async () => {
  expect((await ask({}, 'robot', { name: 'r' })).body.message).toMatch(
    /metadata\.name: .* must match the service account name if specified/,
  );
  expect((await ask({}, 'none')).body.message).toBe('serviceaccounts "none" not found');
});

test('a node gets tokens only for pods that run on it, by their uid', async () => {
  const { uid } = (await make(`${core}/pods`, podNamed('here', 'robot', 'n7'))).metadata;
  const { uid: away } = (await make(`${core}/pods`, podNamed('away', 'robot', 'n8'))).metadata;
  const cert = await api.pki.leaf('node-n7', {
    commonName: 'system:node:n7',
    organizations: ['system:nodes'],
  });
  const asked = async (spec: Body, account = 'robot') => {
    const path = `${accounts}/${account}/token`;
    const { status, body } = await api.call('POST', path, { spec }, { token: null, cert });
    return status === 201 ? status : [status, body.message.split(': ').at(-1)];
  };
  const pod = (name: string, more: Body) => ({
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, ...more },
  });
  // The authorizer judges by the watch cache, which follows the pods.
  await expect.poll(() => asked(pod('here', { uid }))).toBe(201);
  expect(await asked({})).toEqual([403, 'node requested token not bound to a pod']);
  expect(await asked(pod('here', {}))).toEqual([
    403,
    'node requested token with a pod binding without a uid',
  ]);
  expect(await asked(pod('away', { uid: away }))).toEqual([
    403,
    'node requested token bound to a pod scheduled on a different node',
  ]);
  expect(await asked(pod('here', { uid }), 'unused')).toMatchObject([403, /./]);
});

test('others can find the keys, when they may', async () => {
  const configuration = '/.well-known/openid-configuration';
  expect((await api.call('GET', configuration, undefined, { token: null })).status).toBe(403);
  const { token } = (await ask({})).body.status;
  const { body } = await api.call('GET', configuration, undefined, { token });
  expect(body).toMatchObject({ issuer, jwks_uri: `${api.url}/openid/v1/jwks` });
  const { body: jwks, headers } = await api.call('GET', '/openid/v1/jwks', undefined, { token });
  expect(headers['content-type']).toBe('application/jwk-set+json');
  expect(jwks.keys).toMatchObject([{ use: 'sig', kty: 'EC', alg: 'ES256' }]);
});
