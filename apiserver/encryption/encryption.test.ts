import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readEncryption } from './configuration.ts';
import { createSealer, Undecipherable } from './sealer.ts';

const secret = (byte: number, bytes = 32) => Buffer.alloc(bytes, byte).toString('base64');
const at = 'core/secrets/default/a';
const value = Buffer.from('{"data":{"password":"aHVudGVyMg=="}}');

function configuration(providers: string, resources = '[secrets]') {
  return readEncryption(
    parse(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources: [{resources: ${resources}, providers: ${providers}}]`),
  );
}
const gcm = (...names: string[]) => {
  const keys = names.map((name) => `{name: ${name}, secret: "${secret(name.charCodeAt(0))}"}`);
  return `{aesgcm: {keys: [${keys.join(', ')}]}}`;
};
const sealer = (providers: string, resources?: string) =>
  createSealer(configuration(providers, resources));

test('the first key encrypts, all decrypt, and plain text only where it is allowed', () => {
  const one = sealer(`[${gcm('a')}, {identity: {}}]`);
  const stored = one.seal(at, value);
  expect(Buffer.from(stored).toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:a:/);
  expect(Buffer.from(stored).includes('password')).toBe(false);
  expect(one.seal(at, value)).not.toEqual(stored);
  expect(one.open(at, value)).toEqual(value);
  const two = sealer(`[${gcm('b', 'a')}]`);
  expect(two.open(at, stored)).toEqual(value);
  expect([one.isStale(at, stored), one.isStale(at, value), two.isStale(at, stored)]).toEqual([
    false,
    true,
    true,
  ]);
  expect(() => two.open(at, value)).toThrow('stored in plain text');
});

test('a missing key is named; so is one with other bytes', () => {
  const stored = sealer(`[${gcm('a')}]`).seal(at, value);
  expect(() => sealer(`[${gcm('b')}]`).check(at, stored)).toThrow(
    'core/secrets/default/a is encrypted with key "a", which is not among the keys',
  );
  expect(() => createSealer().open(at, stored)).toThrow(Undecipherable);
  const other = gcm('a').replace(secret(97), secret(1));
  expect(() => sealer(`[${other}]`).open(at, stored)).toThrow('cannot be decrypted with key "a"');
});

test('a value that was changed, cut off or moved is refused', () => {
  const one = sealer(`[${gcm('a')}]`);
  const stored = one.seal(at, value);
  for (let i = 'k8s:enc:aesgcm:v1:a:'.length; i < stored.length; i += 1) {
    const changed = Buffer.from(stored);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(() => one.open(at, changed)).toThrow(Undecipherable);
  }
  for (const length of [0, 10, 30, stored.length - 1])
    expect(() => one.open(at, stored.subarray(0, length))).toThrow(Undecipherable);
  expect(() => one.open('core/secrets/default/b', stored)).toThrow(Undecipherable);
});

test('identity first writes plain text again', () => {
  const stored = sealer(`[${gcm('a')}]`).seal(at, value);
  const back = sealer(`[{identity: {}}, ${gcm('a')}]`);
  expect(back.seal(at, value)).toBe(value);
  expect(back.isStale(at, stored)).toBe(true);
  expect(back.open(at, stored)).toEqual(value);
});

test.each([
  ['[secrets]', ['core/secrets/x/a']],
  ['[configmaps, secrets]', ['core/secrets/x/a', 'core/configmaps/x/a']],
  ['[widgets.example.com]', ['example.com/widgets/x/a']],
  ['["*.example.com"]', ['example.com/widgets/x/a']],
  ['["*."]', ['core/secrets/x/a', 'core/configmaps/x/a']],
  ['["*.*"]', ['core/secrets/x/a', 'core/configmaps/x/a', 'example.com/widgets/x/a']],
])('%s covers these folders', (resources, covered) => {
  const keys = [
    'core/secrets/x/a',
    'core/configmaps/x/a',
    'example.com/widgets/x/a',
    'system/format',
  ];
  const one = sealer(`[${gcm('a')}]`, resources);
  expect(keys.filter((key) => one.covers(key))).toEqual(covered);
});

test.each([
  ['kind: EncryptionConfiguration', 'apiVersion and kind must be apiserver.config.k8s.io/v1'],
  ['resources: [{resources: [], providers: [{identity: {}}]}]', 'resources[0].resources'],
  ['resources: [{resources: [secrets], providers: []}]', 'resources[0].providers'],
  ['resources: [{resources: [secrets], provider: []}]', 'resources[0].provider: unknown field'],
  ['resources: [{resources: ["*"], providers: [{identity: {}}]}]', 'resources[0].resources[0]'],
  ...['aescbc', 'kms', 'secretbox'].map((type) => [
    `resources: [{resources: [secrets], providers: [{${type}: {}}]}]`,
    `resources[0].providers[0].${type}: is not supported`,
  ]),
  [
    'resources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: a, secret: c2hvcnQ=}]}}]}]',
    'resources[0].providers[0].aesgcm.keys[0].secret: must be 16, 24 or 32 bytes',
  ],
  [
    `resources: [{resources: [secrets], providers: [{aesgcm: {keys: [{name: "a:b", secret: ${secret(1)}}]}}]}]`,
    'keys[0].name',
  ],
  [
    `resources: [{resources: [secrets], providers: [${gcm('a')}, ${gcm('a')}]}]`,
    'two keys are named "a"',
  ],
])('%s is refused by name', (text, why) => {
  const head = text.startsWith('kind')
    ? ''
    : 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n';
  const read = () => readEncryption(parse(head + text));
  expect(read).toThrow(why);
  expect(read).not.toThrow('c2hvcnQ=');
});
