import { expect, test } from 'vitest';
import type { PodSpec } from '../../api/kinds.gen.ts';
import { namespacesOf } from './pod-namespaces.ts';

const of = (spec: Partial<PodSpec>) =>
  namespacesOf(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'team' },
      spec: { containers: [], ...spec },
    },
    'node-1',
  );

test.each([
  [{}, { hostname: 'web' }],
  [{ hostNetwork: true, subdomain: 'sub' }, { hostname: 'node-1' }],
  [
    { hostname: 'h', subdomain: 'sub' },
    { hostname: 'h', domain: 'sub.team.svc.cluster.local' },
  ],
  [
    { hostname: 'h', subdomain: 'sub', setHostnameAsFQDN: true },
    { hostname: 'h.sub.team.svc.cluster.local' },
  ],
  [
    { hostPID: true, hostIPC: true },
    { hostname: 'web', pid: 'host', ipc: 'host' },
  ],
  [{ shareProcessNamespace: true }, { hostname: 'web', pid: 'shared' }],
  [
    { hostAliases: [{ ip: '10.0.0.9', hostnames: ['db', 'db.local'] }] },
    { hostname: 'web', hosts: [{ ip: '10.0.0.9', names: ['db', 'db.local'] }] },
  ],
  [
    { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '0' }] } },
    { hostname: 'web', sysctls: { 'net.ipv4.tcp_syncookies': '0' } },
  ],
])('%j', (spec, expected) => {
  expect(of(spec)).toEqual(expected);
});

test.each([
  [{ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }, /not allowlisted/],
  [
    {
      hostNetwork: true,
      securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] },
    },
    /not allowed with host net enabled/,
  ],
  [
    { hostname: 'h'.repeat(60), subdomain: 'sub', setHostnameAsFQDN: true },
    /64 characters is the max/,
  ],
])('%j is refused', (spec, words) => {
  expect(() => of(spec)).toThrow(words);
});
