import { describe, expect, it } from 'vitest';
import { discoveryContentType, negotiate, negotiateDiscovery } from './accept.ts';

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

describe('negotiate', () => {
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/yaml', 'application/yaml'],
    ['application/json;q=0.5, application/yaml', 'application/yaml'],
    ['*/*, application/yaml', 'application/yaml'],
    ['text/html, application/json;charset=utf-8', 'application/json'],
    ['application/vnd.kubernetes.protobuf,application/json', 'application/json'],
  ])('%j → %s', (accept, mediaType) => {
    expect(negotiate(accept, 'object')).toEqual({ mediaType, as: undefined, pretty: false });
  });

  it('takes the first form it knows', () => {
    expect(negotiate(`${table},application/json`, 'object').as).toEqual({
      kind: 'Table',
      version: 'v1',
    });
    expect(
      negotiate('application/json;as=Bogus;v=v1;g=meta.k8s.io,application/json', 'object').as,
    ).toBe(undefined);
    expect(
      negotiate('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'object').as,
    ).toEqual({
      kind: 'PartialObjectMetadata',
      version: 'v1',
    });
  });

  it.each([
    'text/html',
    'application',
    'application/vnd.kubernetes.protobuf',
    'application/json;as=Bogus;v=v1;g=meta.k8s.io',
    'application/json;as=Table;v=v9;g=meta.k8s.io',
    'application/json;as=Table;v=v1;g=other',
    'application/json;q=0',
    'application/json;stream=watch',
  ])('refuses %s', (accept) => {
    expect(() => negotiate(accept, 'object')).toThrow(
      expect.objectContaining({
        code: 406,
        message:
          'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      }),
    );
  });

  it('streams JSON but not YAML', () => {
    expect(negotiate('application/json;stream=watch', 'watch').mediaType).toBe('application/json');
    expect(() => negotiate('application/yaml', 'watch')).toThrow('only the following media types');
  });

  it('hears that JSON should be indented', () => {
    expect(negotiate('application/json; pretty=1', 'object').pretty).toBe(true);
  });
});

describe('negotiateDiscovery', () => {
  const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const beta = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList';
  it.each([
    [`${v2},${beta},application/json`, 'v2'],
    [beta, 'v2beta1'],
    ['application/json', undefined],
    [undefined, undefined],
  ])('%j → %s', (accept, aggregated) => {
    expect(negotiateDiscovery(accept)).toEqual({ mediaType: 'application/json', aggregated });
  });

  it('says in the answer what it is', () => {
    expect(discoveryContentType('application/json', 'v2')).toBe(v2);
  });
});
