import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { FakeClock } from '../../lib/clock.ts';
import { makeTokenKeys } from '../../test/harness/token-keys.ts';
import { signJwt } from './jwt.ts';
import { claimsFor, type TokenTerms } from './service-account-claims.ts';
import { accountAuthenticator, secretToken } from './service-account-token.ts';

const own = 'https://kubernetes.default.svc';
const keys = makeTokenKeys();
const account = { metadata: { name: 'robot', namespace: 'shop', uid: 'u1' } };
const pod = { metadata: { name: 'web', namespace: 'shop', uid: 'p1' } };
const nowMs = Date.UTC(2026, 0, 1);

function world(objects: Record<string, JsonObject> = { 'serviceaccounts/robot': account }) {
  const clock = new FakeClock(nowMs);
  const issuer = { keys, issuer: own, audiences: [own] };
  const authenticate = accountAuthenticator(
    issuer,
    async ({ plural }, { name }) => objects[`${plural}/${name}`],
    clock,
  );
  const signal = new AbortController().signal;
  const ask = (token: string, audiences = [own]) => authenticate(token, audiences, signal);
  return { clock, ask, objects };
}

const terms: TokenTerms = {
  issuer: own,
  audiences: [own],
  id: 'j1',
  nowMs,
  seconds: 600,
};
const token = (more: Partial<TokenTerms> = {}) =>
  signJwt(keys.signing, claimsFor(account, { ...terms, ...more }));

test('a token makes its account’s user', async () => {
  const { ask } = world();
  expect(await ask(token())).toEqual({
    audiences: [own],
    user: {
      name: 'system:serviceaccount:shop:robot',
      uid: 'u1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:shop'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j1'] },
    },
  });
});

test('a pod’s token tells the pod and its node, and ends with the pod', async () => {
  const { ask, objects } = world();
  const bound = token({ pod: { name: 'web', uid: 'p1' }, node: { name: 'n1', uid: 'n' } });
  await expect(ask(bound)).rejects.toThrow('the pod shop/web of the token is gone');
  objects['pods/web'] = pod;
  expect((await ask(bound))?.user.extra).toEqual({
    'authentication.kubernetes.io/credential-id': ['JTI=j1'],
    'authentication.kubernetes.io/node-name': ['n1'],
    'authentication.kubernetes.io/node-uid': ['n'],
    'authentication.kubernetes.io/pod-name': ['web'],
    'authentication.kubernetes.io/pod-uid': ['p1'],
  });
  objects['pods/web'] = { metadata: { ...pod.metadata, uid: 'p2' } };
  await expect(ask(bound)).rejects.toThrow('deleted and made again');
});

test('a pod that is being deleted keeps its token for its grace and a minute', async () => {
  const { ask, objects, clock } = world();
  const deletionTimestamp = new Date(nowMs + 30_000).toISOString();
  objects['pods/web'] = { metadata: { ...pod.metadata, deletionTimestamp } };
  const bound = token({ pod: { name: 'web', uid: 'p1' } });
  await clock.advance(89_000);
  expect(await ask(bound)).toBeDefined();
  await clock.advance(2_000);
  await expect(ask(bound)).rejects.toThrow('is being deleted');
});

test('a token bound to a node ends with the node', async () => {
  const { ask, objects } = world();
  const bound = token({ node: { name: 'n1', uid: 'n' } });
  await expect(ask(bound)).rejects.toThrow('the node n1 of the token is gone');
  objects['nodes/n1'] = { metadata: { name: 'n1', uid: 'n' } };
  expect(await ask(bound)).toBeDefined();
});

test('it ends in time, with its account, and for other audiences', async () => {
  const { ask, clock, objects } = world();
  await expect(ask(token(), ['vault'])).rejects.toThrow('not for ["vault"]');
  expect((await ask(token({ audiences: ['vault', own] }), ['vault']))?.audiences).toEqual([
    'vault',
  ]);
  await clock.advance(661_000);
  await expect(ask(token())).rejects.toThrow('service account token has expired');
  const young = token({ nowMs: nowMs + 661_000 });
  objects['serviceaccounts/robot'] = { metadata: { ...account.metadata, uid: 'u2' } };
  await expect(ask(young)).rejects.toThrow('deleted and made again');
  delete objects['serviceaccounts/robot'];
  await expect(ask(young)).rejects.toThrow('the service account shop/robot of the token is gone');
});

test('what others have signed or issued is none of ours', async () => {
  const { ask } = world();
  const foreign = signJwt(makeTokenKeys().signing, claimsFor(account, terms));
  expect(await ask(foreign)).toBeUndefined();
  expect(await ask(token({ issuer: 'https://else.where' }))).toBeUndefined();
  expect(await ask('abcdef.0123456789abcdef')).toBeUndefined();
});

test('claims that do not fit together are refused, however they came to be signed', async () => {
  const { ask } = world();
  const claims = { ...claimsFor(account, terms), sub: 'system:serviceaccount:shop:admin' };
  await expect(ask(signJwt(keys.signing, claims))).rejects.toThrow('do not fit together');
});

test('a token of a Secret is good as long as the Secret holds it', async () => {
  const { ask, objects } = world();
  const legacy = secretToken(keys, account.metadata, 'robot-token');
  await expect(ask(legacy)).rejects.toThrow('the secret shop/robot-token of the token is gone');
  const data = { token: Buffer.from(legacy).toString('base64') };
  objects['secrets/robot-token'] = { metadata: { name: 'robot-token' }, data };
  expect((await ask(legacy))?.user).toEqual({
    name: 'system:serviceaccount:shop:robot',
    uid: 'u1',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop'],
  });
  objects['secrets/robot-token'] = { metadata: { name: 'robot-token' }, data: {} };
  await expect(ask(legacy)).rejects.toThrow('does not hold this token');
});
