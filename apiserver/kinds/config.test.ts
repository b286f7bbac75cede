import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { configMapStrategy, secretStrategy } from './config.ts';
import type { Strategy } from './strategy.ts';

const context = { user: { name: 'u', groups: [] }, now: '', dryRun: false };
const encoded = (text: string) => Buffer.from(text).toString('base64');
const wrong = (strategy: Strategy, object: JsonObject, old?: JsonObject) =>
  strategy.validate?.(object, old)?.map(({ field }) => field);

describe('ConfigMap', () => {
  test('keys are plain, and not in both maps', () => {
    expect(wrong(configMapStrategy, { data: { 'a.b-c_D': '' } })).toEqual([]);
    expect(wrong(configMapStrategy, { data: { 'a b': '' } })).toEqual(['data[a b]']);
    expect(wrong(configMapStrategy, { data: { '..': '' } })).toEqual(['data[..]']);
    expect(wrong(configMapStrategy, { data: { a: '' }, binaryData: { a: '' } })).toEqual([
      'data[a]',
    ]);
  });

  test('one MiB is the limit', () => {
    const sized = (bytes: number) => ({ data: { a: 'x'.repeat(bytes) } });
    expect(wrong(configMapStrategy, sized(1_048_576))).toEqual([]);
    expect(wrong(configMapStrategy, sized(1_048_577))).toEqual(['[]']);
  });

  test('an immutable one keeps data and stays immutable', () => {
    const old = { immutable: true, data: { a: '1' } };
    expect(wrong(configMapStrategy, { ...old, metadata: { labels: {} } }, old)).toEqual([]);
    expect(wrong(configMapStrategy, { immutable: true, data: {} }, old)).toEqual(['data']);
    expect(wrong(configMapStrategy, { data: { a: '1' } }, old)).toEqual(['immutable']);
  });

  test('empty maps are not stored', () => {
    const object: JsonObject = { data: {}, binaryData: {} };
    configMapStrategy.prepareForCreate?.(object, context);
    expect(object).toEqual({});
  });
});

describe('Secret', () => {
  test('stringData goes into data', () => {
    const object: JsonObject = {
      data: { a: encoded('old'), b: encoded('b') },
      stringData: { a: 'new' },
    };
    secretStrategy.prepareForCreate?.(object, context);
    expect(object).toEqual({ data: { a: encoded('new'), b: encoded('b') } });
  });

  test.each([
    ['kubernetes.io/tls', {}, ['data[tls.crt]', 'data[tls.key]']],
    ['kubernetes.io/basic-auth', {}, ['data[username]', 'data[password]']],
    ['kubernetes.io/basic-auth', { password: encoded('x') }, []],
    [
      'kubernetes.io/dockerconfigjson',
      { '.dockerconfigjson': encoded('{') },
      ['data[.dockerconfigjson]'],
    ],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': encoded('{}') }, []],
    [
      'kubernetes.io/service-account-token',
      {},
      ['metadata.annotations[kubernetes.io/service-account.name]'],
    ],
    ['Opaque', {}, []],
  ])('%s with %j', (type, data, found) => {
    expect(wrong(secretStrategy, { type, data })).toEqual(found);
  });

  test('its contents are in no message', () => {
    const object = {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': encoded('hush{') },
    };
    expect(JSON.stringify(secretStrategy.validate?.(object, undefined))).not.toMatch(/hush|aHVza/);
  });

  test('its type may not change', () => {
    expect(wrong(secretStrategy, { type: 'b' }, { type: 'a' })).toEqual(['type']);
  });

  test('a certificate that is none is warned of', () => {
    const tls = (text: string) => ({
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': encoded(text) },
    });
    expect(secretStrategy.warn?.(tls('x'), undefined)).toHaveLength(1);
    expect(secretStrategy.warn?.(tls('-----BEGIN CERTIFICATE-----'), undefined)).toEqual([]);
  });
});
