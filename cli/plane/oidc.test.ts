import { expect, test } from 'vitest';
import { oidcFlags, openOidc } from './oidc.ts';

const whole = { oidcIssuerUrl: 'https://login.example', oidcClientId: 'berth' };

test('nothing said is no issuer', () => {
  expect(openOidc({})).toBeUndefined();
  expect(oidcFlags({})).toEqual({});
});

test('what is said reaches the server, required claims by name', () => {
  const flags = { ...whole, oidcGroupsClaim: 'teams', oidcRequiredClaim: ['hd=corp', 'q=a=b'] };
  expect(openOidc(oidcFlags(flags))).toMatchObject({
    issuerUrl: 'https://login.example',
    clientId: 'berth',
    groupsClaim: 'teams',
    requiredClaims: { hd: 'corp', q: 'a=b' },
    ca: undefined,
  });
});

test('what does not fit together is refused with the option to mend', () => {
  expect(() => openOidc({ oidcIssuerUrl: 'https://login.example' })).toThrow('go together');
  expect(() => openOidc({ oidcGroupsClaim: 'teams' })).toThrow('need --oidc-issuer-url');
  expect(() => openOidc({ ...whole, oidcCaFile: '/nowhere' })).toThrow('--oidc-ca-file');
  expect(() => oidcFlags({ oidcIssuerUrl: 'http://login.example' })).toThrow(
    'must begin with https',
  );
  expect(() => oidcFlags({ oidcIssuerUrl: 'nonsense' })).toThrow('must be an https:// address');
});
