import { expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../api/kinds.gen.ts';
import { formatResolvConf, parseResolvConf } from '../../runtime/network/resolv-conf.ts';
import { podDns } from './pod-dns.ts';

const conf = parseResolvConf(`# by hand
nameserver 127.0.0.53
nameserver 192.0.2.53
search lan.example .
options edns0 ndots:1
`);
const pod = (spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { containers: [], ...spec },
});
const node = { conf, server: '10.0.0.1' };

test('by default names of the plane come first, and the machine knows the rest', () => {
  expect(podDns(pod(), node)).toEqual({
    servers: ['10.0.0.1'],
    searches: ['shop.berth', 'berth', 'lan.example'],
    options: ['ndots:1', 'edns0'],
  });
  expect(podDns(pod(), { ...node, conf: parseResolvConf('') })?.options).toEqual(['ndots:2']);
});

test('where nobody answers for the plane, the machine’s own way stays', () => {
  expect(podDns(pod(), { conf })).toBeUndefined();
  expect(podDns(pod(), { conf, segment: ['10.9.0.2'] })?.servers).toEqual([
    '10.9.0.2',
    '192.0.2.53',
  ]);
});

test.each<[Partial<PodSpec>, readonly string[] | undefined]>([
  [{ dnsPolicy: 'Default' }, undefined],
  [{ dnsPolicy: 'ClusterFirst', hostNetwork: true }, undefined],
  [{ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, ['10.0.0.1']],
  [{ dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'] } }, ['9.9.9.9']],
  [{ dnsConfig: { nameservers: ['9.9.9.9', '10.0.0.1'] } }, ['10.0.0.1', '9.9.9.9']],
  [{ dnsPolicy: 'Default', dnsConfig: { nameservers: ['9.9.9.9'] } }, ['192.0.2.53', '9.9.9.9']],
])('%o asks %o', (spec, servers) => {
  expect(podDns(pod(spec), node)?.servers).toEqual(servers);
});

test('an option that is said replaces the one of that name', () => {
  const dnsConfig = { options: [{ name: 'ndots', value: '5' }, { name: 'rotate' }] };
  expect(podDns(pod({ dnsConfig }), node)?.options).toEqual(['ndots:5', 'edns0', 'rotate']);
});

test('what is written is what is read', () => {
  expect(parseResolvConf(formatResolvConf(conf))).toEqual(conf);
  expect(conf.searches).toEqual(['lan.example']);
});
