import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { FakeClock } from '../../lib/clock.ts';
import { fromObject } from '../storage/cached.ts';
import { bootstrapUser } from './bootstrap-token.ts';

const clock = new FakeClock(Date.UTC(2026, 0, 1));
const good = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
  expiration: '2026-01-01T01:00:00Z',
};

function ask(token: string, fields: Record<string, string> = good, more: JsonObject = {}) {
  const data = Object.fromEntries(
    Object.entries(fields).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  const secret: JsonObject = { type: 'bootstrap.kubernetes.io/token', metadata: {}, data, ...more };
  const key = 'core/secrets/kube-system/bootstrap-token-abcdef';
  const get = (wanted: string) => (wanted === key ? fromObject(key, secret, 1n) : undefined);
  return bootstrapUser({ get, list: () => [] }, clock, token);
}

const token = 'abcdef.0123456789abcdef';

test('a token stands for a bootstrapper, with the groups it names', () => {
  expect(ask(token)).toEqual({ name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] });
  const groups = 'system:bootstrappers:lab,system:masters';
  expect(ask(token, { ...good, 'auth-extra-groups': groups })?.groups).toEqual([
    'system:bootstrappers',
    'system:bootstrappers:lab',
  ]);
});

test('what is unknown, wrong or no token at all is nobody', () => {
  expect(ask('abcdef.0123456789abcdeX')).toBeUndefined();
  expect(ask('abcdef.0123456789abcdee')).toBeUndefined();
  expect(ask('abcdeg.0123456789abcdef')).toBeUndefined();
  expect(ask(token, good, { type: 'Opaque' })).toBeUndefined();
  expect(ask(token, { ...good, 'token-id': 'other1' })).toBeUndefined();
  const leaving = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(ask(token, good, leaving)).toBeUndefined();
});

test('who has the secret is told why it does not serve any more; nobody else is', () => {
  const old = { ...good, expiration: '2025-12-31T23:59:59Z' };
  expect(() => ask(token, old)).toThrow('abcdef has expired (at 2025-12-31T23:59:59Z)');
  expect(ask('abcdef.0123456789abcdee', old)).toBeUndefined();
  expect(() => ask(token, { ...good, expiration: 'soon' })).toThrow('expired');
  const { 'usage-bootstrap-authentication': _usage, ...unusable } = good;
  expect(() => ask(token, unusable)).toThrow('may not be used to authenticate');
});
