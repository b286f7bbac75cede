/** Users of an OpenID Connect issuer: a real one over HTTPS, with an authority of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signJwt, toJwk } from '../../apiserver/auth/jwt.ts';
import { openPki } from '../../apiserver/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { startTestApi, type TestApi } from '../harness/apiserver.ts';
import { makeTokenKeys } from '../harness/token-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-oidc-'));
const keys = makeTokenKeys();
let issuer: https.Server;
let issuerUrl: string;
let api: TestApi;

beforeAll(async () => {
  const pki = await openPki(directory, systemClock);
  const leaf = await pki.leaf('issuer', { commonName: 'issuer', hosts: ['127.0.0.1'] });
  issuer = https.createServer(leaf, ({ url }, response) => {
    const documents: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` },
      '/keys': { keys: keys.verifying.map(toJwk) },
    };
    const document = documents[url ?? ''];
    response.statusCode = document === undefined ? 404 : 200;
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  issuerUrl = `https://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
  api = await startTestApi('embedded', {
    oidc: {
      issuerUrl,
      clientId: 'berth',
      ca: pki.ca,
      usernameClaim: 'email',
      groupsClaim: 'teams',
      groupsPrefix: 'corp:',
    },
  });
}, 120_000);
afterAll(async () => {
  await api.stop();
  issuer.close();
  rmSync(directory, { recursive: true });
});

const tokenFor = (claims: object) =>
  signJwt(keys.signing, {
    iss: issuerUrl,
    aud: 'berth',
    email: 'ann@example.com',
    teams: ['dev'],
    exp: Math.floor(Date.now() / 1_000) + 600,
    ...claims,
  });

const whoami = (token: string) =>
  api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { token });

test('a token of the issuer makes its user, for whom roles can be bound', async () => {
  const token = tokenFor({});
  expect((await whoami(token)).body.status.userInfo).toEqual({
    username: 'ann@example.com',
    groups: ['corp:dev', 'system:authenticated'],
  });
  const pods = '/api/v1/namespaces/default/pods';
  expect((await api.call('GET', pods, undefined, { token })).status).toBe(403);
  const binding = {
    metadata: { name: 'devs' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'corp:dev' }],
  };
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  expect((await api.call('POST', `${rbac}/clusterrolebindings`, binding)).status).toBe(201);
  await expect
    .poll(async () => (await api.call('GET', pods, undefined, { token })).status)
    .toBe(200);
});

test('what is wrong with a token is told, but not of one that others have signed', async () => {
  const { status, body } = await whoami(tokenFor({ aud: 'other' }));
  expect([status, body.message]).toEqual([401, 'oidc: expected audience "berth" got "other"']);
  const foreign = signJwt(makeTokenKeys().signing, { iss: issuerUrl, aud: 'other' });
  expect((await whoami(foreign)).body.message).toBe('Unauthorized');
});
