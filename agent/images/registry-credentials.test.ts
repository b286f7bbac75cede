import { describe, expect, test } from 'vitest';
import { credentialsFor, readKeyring } from './registry-credentials.ts';

const entry = (place: string) => ({ place, username: place, password: 'x' });
const names = (image: string, ...places: string[]) =>
  credentialsFor(image, places.map(entry)).map(({ username }) => username);

describe('which credentials fit an image', () => {
  test.each([
    ['reg.example/app:1', ['reg.example'], ['reg.example']],
    ['reg.example:5000/app', ['reg.example', 'reg.example:5000'], ['reg.example:5000']],
    ['reg.example/team/app', ['reg.example/team', 'reg.example/other'], ['reg.example/team']],
    [
      'reg.example/team/app',
      ['reg.example', 'reg.example/team'],
      ['reg.example/team', 'reg.example'],
    ],
    ['a.reg.example/app', ['*.reg.example'], ['*.reg.example']],
    ['a.b.reg.example/app', ['*.reg.example'], []],
    ['reg.example/app', ['*.reg.example'], []],
    ['127.0.0.1:5000/app@sha256:0', ['127.0.0.1:5000'], ['127.0.0.1:5000']],
    ['nginx', ['index.docker.io'], ['index.docker.io']],
    ['nginx', ['docker.io', 'index.docker.io'], ['docker.io']],
    ['team/app', ['reg.example'], []],
  ])('%s, of %j: %j', (image, places, expected) => {
    expect(names(image, ...places)).toEqual(expected);
  });
});

describe('what a Secret holds', () => {
  const secret = (key: string, value: unknown) =>
    readKeyring(new Map([[key, Buffer.from(JSON.stringify(value))]]));
  const auth = Buffer.from('me:se:cret').toString('base64');

  test('dockerconfigjson, its places without scheme and protocol path', () => {
    const auths = { 'https://index.docker.io/v1/': { auth }, 'reg.example/v2/team': { auth } };
    const known = { username: 'me', password: 'se:cret' };
    expect(secret('.dockerconfigjson', { auths })).toEqual([
      { place: 'index.docker.io', ...known },
      { place: 'reg.example/team', ...known },
    ]);
  });

  test('dockercfg, user and password apart', () => {
    const value = { 'reg.example': { username: 'me', password: 'pw' } };
    expect(secret('.dockercfg', value)).toEqual([
      { place: 'reg.example', username: 'me', password: 'pw' },
    ]);
  });

  test('neither', () => {
    expect(secret('password', 'x')).toBeUndefined();
    expect(readKeyring(new Map([['.dockercfg', Buffer.from('{broken')]]))).toBeUndefined();
  });
});
