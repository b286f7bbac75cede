import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { makeTokenKeys } from '../../test/harness/token-keys.ts';
import { signJwt, toJwk } from './jwt.ts';
import { type OidcOptions, oidcAuthenticator, userOf } from './oidc.ts';
import { issuerKeys } from './oidc-keys.ts';

const issuerUrl = 'https://login.example';
const nowMs = Date.UTC(2026, 0, 1);
const options: OidcOptions = { issuerUrl, clientId: 'berth' };
const good = {
  iss: issuerUrl,
  aud: 'berth',
  sub: 'u-1',
  email: 'ann@example.com',
  exp: nowMs / 1_000 + 600,
  teams: ['dev', 'ops'],
};
const user = (claims: JsonObject = {}, more: Partial<OidcOptions> = {}) =>
  userOf({ ...good, ...claims }, { ...options, ...more }, nowMs);

describe('the user', () => {
  test('is the subject, told apart by the issuer', () => {
    expect(user()).toEqual({ name: 'https://login.example#u-1', groups: [] });
    expect(user({ jti: 'j' }).extra).toEqual({
      'authentication.kubernetes.io/credential-id': ['JTI=j'],
    });
  });

  test.each([
    [{ usernameClaim: 'email' }, 'ann@example.com'],
    [{ usernamePrefix: '-' }, 'u-1'],
    [{ usernamePrefix: 'corp:' }, 'corp:u-1'],
    [{ usernameClaim: 'email', usernamePrefix: 'corp:' }, 'corp:ann@example.com'],
  ])('%j: %s', (more, name) => {
    expect(user({}, more).name).toBe(name);
  });

  test('has the groups of the claim that is named, with their prefix', () => {
    expect(user({}, { groupsClaim: 'teams' }).groups).toEqual(['dev', 'ops']);
    const more = { groupsClaim: 'teams', groupsPrefix: 'corp:' };
    expect(user({ teams: 'dev' }, more).groups).toEqual(['corp:dev']);
    expect(user({}, { groupsClaim: 'absent' }).groups).toEqual([]);
  });

  test.each<[JsonObject, Partial<OidcOptions>, RegExp]>([
    [{ aud: ['other'] }, {}, /expected audience "berth" got \["other"\]/],
    [{ exp: nowMs / 1_000 - 61 }, {}, /token has expired/],
    [{ exp: null }, {}, /the token has no end/],
    [{ nbf: nowMs / 1_000 + 61 }, {}, /not valid yet/],
    [{ sub: '' }, {}, /claim "sub" names no user/],
    [{ email_verified: false }, { usernameClaim: 'email' }, /email not verified/],
    [{ teams: { dev: true } }, { groupsClaim: 'teams' }, /is no list of groups/],
    [{ teams: [1] }, { groupsClaim: 'teams' }, /is no list of groups/],
    [{ tier: 'free' }, { requiredClaims: { tier: 'paid' } }, /required claim tier is not "paid"/],
    [{}, { requiredClaims: { tier: 'paid' } }, /required claim tier/],
  ])('%j with %j is refused', (claims, more, why) => {
    expect(() => user(claims, more)).toThrow(why);
  });
});

function world() {
  const clock = new FakeClock(nowMs);
  const state = { keys: [makeTokenKeys()], down: false, issuer: issuerUrl };
  const asked: string[] = [];
  const read = async (url: string): Promise<JsonValue> => {
    asked.push(url);
    if (state.down) throw new Error('no answer');
    if (url.endsWith('/keys'))
      return { keys: state.keys.flatMap(({ verifying }) => verifying.map(toJwk)) };
    return { issuer: state.issuer, jwks_uri: `${issuerUrl}/keys` };
  };
  const keys = issuerKeys({ issuerUrl, read, clock, log: silentLog });
  const authenticate = oidcAuthenticator(options, keys, ['api'], clock);
  const { signal } = new AbortController();
  const ask = async (made: ReturnType<typeof makeTokenKeys>, claims: JsonObject = {}) => {
    const exp = clock.now() / 1_000 + 600;
    const token = signJwt(made.signing, { ...good, exp, ...claims });
    return (await authenticate(token, ['api'], signal))?.user.name;
  };
  return { clock, state, asked, ask, authenticate, signal };
}

describe('keys of the issuer', () => {
  test('are read once, and again for a key that is new, but not all the time', async () => {
    const { clock, state, asked, ask } = world();
    const [first] = state.keys;
    expect(await ask(first!)).toBe('https://login.example#u-1');
    expect(await ask(first!)).toBeDefined();
    expect(asked).toEqual([`${issuerUrl}/.well-known/openid-configuration`, `${issuerUrl}/keys`]);
    const second = makeTokenKeys();
    expect(await ask(second)).toBeUndefined();
    state.keys = [second];
    expect(await ask(second)).toBeUndefined();
    expect(asked).toHaveLength(2);
    await clock.advance(10_000);
    expect(await ask(second)).toBeDefined();
    expect(asked).toHaveLength(4);
    expect(await ask(first!)).toBeUndefined();
  });

  test('that the issuer has dropped are dropped here in an hour', async () => {
    const { clock, state, ask } = world();
    const [first] = state.keys;
    await ask(first!);
    state.keys = [makeTokenKeys()];
    await clock.advance(3_600_000);
    expect(await ask(first!)).toBeDefined(); // Asked beside it.
    await clock.advance(0);
    expect(await ask(first!)).toBeUndefined();
  });

  test('an issuer that does not answer, or says it is another, is believed nothing', async () => {
    const { clock, state, ask } = world();
    const [first] = state.keys;
    state.down = true;
    expect(await ask(first!)).toBeUndefined();
    await clock.advance(10_000);
    Object.assign(state, { down: false, issuer: 'https://else.where' });
    expect(await ask(first!)).toBeUndefined();
    await clock.advance(10_000);
    state.issuer = issuerUrl;
    expect(await ask(first!)).toBeDefined();
    state.down = true;
    await clock.advance(3_600_000);
    expect(await ask(first!)).toBeDefined();
  });

  test('a token of somebody else does not even ask', async () => {
    const { asked, ask, state } = world();
    expect(await ask(state.keys[0]!, { iss: 'https://else.where' })).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
