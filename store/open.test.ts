import { expect, test } from 'vitest';
import { parseStoreUrl } from './open.ts';

test('an embedded store is named by its directory', () => {
  expect(parseStoreUrl('embedded:/var/lib/berth')).toEqual({
    type: 'embedded',
    directory: '/var/lib/berth',
  });
  expect(parseStoreUrl('embedded:data:1')).toEqual({ type: 'embedded', directory: 'data:1' });
});

test('etcd is named by its members, with or without ports', () => {
  expect(parseStoreUrl('etcd://a:1,b,10.0.0.1:02379,[::1]:4')).toEqual({
    type: 'etcd',
    endpoints: ['a:1', 'b:2379', '10.0.0.1:2379', '[::1]:4'],
    tls: false,
  });
  expect(parseStoreUrl('etcds://a')).toEqual({ type: 'etcd', endpoints: ['a:2379'], tls: true });
});

test.each([
  ['', /must look like embedded:/],
  ['/var/lib/berth', /must look like embedded:/],
  ['postgres://a', /must look like embedded:/],
  ['embedded:', /a directory must follow/],
  ['etcd:a:2379', /a host must follow/],
  ['etcd://', /a host must follow/],
  ['etcd://a,,b', /empty name/],
  ['etcd://a,http://b', /"http:\/\/b" is not a host/],
  ['etcd://a:2379/path', /is not a host/],
  ['etcd://a:0', /0 is not a port/],
  ['etcd://a:99999', /99999 is not a port/],
  ['etcd://::1', /is not a host/],
])('refuses %j with a reason', (url, why) => {
  expect(() => parseStoreUrl(url)).toThrow(why);
  expect(() => parseStoreUrl(url)).toThrow(TypeError);
});

test('a password is refused and not repeated', () => {
  const parse = () => parseStoreUrl('etcd://root:secret@a:2379');
  expect(parse).toThrow(/user and password/);
  expect(parse).not.toThrow(/secret/);
});
