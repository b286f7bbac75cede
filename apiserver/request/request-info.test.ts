import { describe, expect, test } from 'vitest';
import { accessInfo, requestInfo } from './request-info.ts';

const info = (method: string, url: string) => {
  const [path = '', query] = url.split('?');
  return requestInfo(method, path, new URLSearchParams(query));
};

describe('resource paths', () => {
  test.each([
    ['GET', '/api/v1/pods', 'list', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/pods?watch=true', 'watch', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/watch/pods', 'watch', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/namespaces/a/pods/p', 'get', '', 'v1', 'a', 'pods', 'p', ''],
    ['GET', '/api/v1/namespaces/a/pods/p/log', 'get', '', 'v1', 'a', 'pods', 'p', 'log'],
    ['POST', '/api/v1/namespaces/a/pods', 'create', '', 'v1', 'a', 'pods', '', ''],
    ['PUT', '/api/v1/namespaces/a/pods/p', 'update', '', 'v1', 'a', 'pods', 'p', ''],
    ['PATCH', '/apis/x.y/v2/things/t/status', 'patch', 'x.y', 'v2', '', 'things', 't', 'status'],
    ['DELETE', '/apis/x.y/v2/things', 'deletecollection', 'x.y', 'v2', '', 'things', '', ''],
    ['DELETE', '/apis/x.y/v2/things/t', 'delete', 'x.y', 'v2', '', 'things', 't', ''],
    ['GET', '/api/v1/namespaces', 'list', '', 'v1', '', 'namespaces', '', ''],
    ['GET', '/api/v1/namespaces/a', 'get', '', 'v1', 'a', 'namespaces', 'a', ''],
    [
      'PUT',
      '/api/v1/namespaces/a/finalize',
      'update',
      '',
      'v1',
      'a',
      'namespaces',
      'a',
      'finalize',
    ],
  ])('%s %s', (method, url, verb, group, version, namespace, resource, name, subresource) => {
    expect(info(method, url)).toMatchObject({
      isResource: true,
      verb,
      group,
      version,
      namespace,
      resource,
      name,
      subresource,
    });
  });

  test('HEAD is judged as a read', () => {
    expect(info('HEAD', '/api/v1/pods').verb).toBe('list');
    expect(info('HEAD', '/api/v1/namespaces/n/pods/p').verb).toBe('get');
  });

  test('methods that mean nothing have no verb', () => {
    for (const method of ['OPTIONS', 'SEARCH']) expect(info(method, '/api/v1/pods').verb).toBe('');
  });
});

test.each([
  '/',
  '/version',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/x.y',
  '/apis/x.y/v1',
  '/healthz/etcd',
])('%s is no resource', (path) => {
  expect(info('GET', path)).toMatchObject({ isResource: false, verb: 'get', path });
});

test.each([
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=a', 'a'],
  ['GET', '/api/v1/pods?watch=1&fieldSelector=spec.nodeName=n,metadata.name==a', 'a'],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name!=a', ''],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name=a/b', ''],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name', ''],
  ['DELETE', '/api/v1/pods?fieldSelector=metadata.name=a', ''],
  ['GET', '/api/v1/namespaces/n/pods/p?fieldSelector=metadata.name=a', 'p'],
  ['GET', '/api/v1/watch/pods?fieldSelector=metadata.name=a', ''],
  ['HEAD', '/api/v1/pods?fieldSelector=metadata.name=a', 'a'],
])('access of %s %s is judged by the name "%s"', (method, url, name) => {
  expect(accessInfo(info(method, url)).name).toBe(name);
});
