import { expect, test } from 'vitest';
import type { Pod, VM } from '../../api/kinds.gen.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';
import type { InstanceStatus } from '../../runtime/runtime.ts';
import { cniRequests } from './cni-requests.ts';
import { parseNetworks } from './network-annotation.ts';
import { networkStatus } from './network-status.ts';
import { wantedNetworks } from './wanted-networks.ts';

const pod = (annotations: Record<string, string>, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: { containers: [], ...spec },
});
const networks = (text: string) => pod({ 'k8s.v1.cni.cncf.io/networks': text });

test('networks are named in words, or as a list with what is wanted of each', () => {
  expect(parseNetworks(' a, b@data ')).toEqual([
    { network: 'a', interface: 'net1' },
    { network: 'b', interface: 'data' },
  ]);
  expect(parseNetworks('')).toEqual([]);
  const whole = {
    name: 'lan',
    interface: 'lan0',
    ips: ['10.1.0.5/24'],
    mac: '02:00:00:00:00:01',
    bandwidth: { ingressRate: 1_000, ingressBurst: 2_000 },
    portMappings: [{ hostPort: 80, containerPort: 8080, protocol: 'TCP' }],
    'cni-args': { role: 'db' },
  };
  expect(parseNetworks(JSON.stringify([{ name: 'a' }, whole]))).toEqual([
    { network: 'a', interface: 'net1' },
    {
      network: 'lan',
      interface: 'lan0',
      ips: ['10.1.0.5/24'],
      mac: '02:00:00:00:00:01',
      bandwidth: { ingressRate: 1_000, ingressBurst: 2_000 },
      portMappings: [{ hostPort: 80, containerPort: 8080, protocol: 'tcp' }],
      args: { role: 'db' },
    },
  ]);
});

test.each([
  ['shop/lan', 'names the namespace "shop"'],
  ['[{"name":"lan","namespace":"shop"}]', 'names the namespace "shop"'],
  ['a@b@c', '"a@b@c" is not <network> or <network>@<interface>'],
  ['a@net1,b@net1', 'gives the interface "net1" to two networks'],
  ['a@eth0', 'interface "eth0" is the pod\'s own'],
  ['a@interface-with-a-long-name', '"interface-with-a-long-name" is no name of an interface'],
  ['../a', 'names the namespace ".."'],
  ['a b', '"a b" is not the name of a network'],
  ['[{"name":"a"}', 'is no JSON'],
  ['[1]', '[0] must be an object'],
  ['[{}]', '[0].name must be'],
  ['[{"name":"a","default-route":["10.0.0.1"]}]', '[0].default-route is not supported'],
  ['[{"name":"a","ips":["x y"]}]', '[0].ips must be'],
  ['[{"name":"a","mac":"1"}]', '[0].mac must be'],
  ['[{"name":"a","bandwidth":{"ingress":1}}]', '[0].bandwidth takes'],
  ['[{"name":"a","portMappings":[{"hostPort":0,"containerPort":1}]}]', '[0].portMappings takes'],
  [Array.from({ length: 17 }, () => 'a').join(','), 'names more than 16 networks'],
])('%s is refused with what is wrong', (text, words) => {
  expect(() => parseNetworks(text)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(`annotation k8s.v1.cni.cncf.io/networks ${words}`),
    }),
  );
});

test('the own network of a pod is the node’s, unless node or pod say CNI', () => {
  expect(cniRequests(pod({}), 'bridge')).toEqual([]);
  expect(cniRequests(networks('a'), 'bridge')).toEqual([{ network: 'a', interface: 'net1' }]);
  expect(cniRequests(networks('a'), 'cni')).toEqual([
    { interface: 'eth0' },
    { network: 'a', interface: 'net1' },
  ]);
  expect(cniRequests(pod({ 'v1.multus-cni.io/default-network': 'lan' }), 'bridge')).toEqual([
    { network: 'lan', interface: 'eth0' },
  ]);
  const reserved = pod({ 'berth.dev/ip-reservation': 'web' });
  expect(cniRequests(reserved, 'cni')).toEqual([]);
  expect(cniRequests(pod({}, { hostNetwork: true }), 'cni')).toEqual([]);
});

test('what a pod publishes and may send goes to its own network', () => {
  const rates = {
    'kubernetes.io/ingress-bandwidth': '10M',
    'kubernetes.io/egress-bandwidth': '1M',
  };
  const ports = [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }];
  const spec = { containers: [{ name: 'main', ports }] };
  expect(cniRequests(pod(rates, spec), 'cni')).toEqual([
    {
      interface: 'eth0',
      bandwidth: {
        ...{ ingressRate: 10_000_000, ingressBurst: 2_147_483_647 },
        ...{ egressRate: 1_000_000, egressBurst: 2_147_483_647 },
      },
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    },
  ]);
});

test.each([
  [
    { 'v1.multus-cni.io/default-network': 'a', 'berth.dev/ip-reservation': 'b' },
    {},
    /both say what eth0 is/,
  ],
  [{ 'k8s.v1.cni.cncf.io/networks': 'a' }, { hostNetwork: true }, /no meaning with hostNetwork/],
  [
    { 'v1.multus-cni.io/default-network': 'a', 'kubernetes.io/ingress-bandwidth': 'fast' },
    {},
    /must be bits a second, such as 10M, not "fast"/,
  ],
])('%j is refused', (annotations, spec, words) => {
  expect(() => cniRequests(pod(annotations, spec), 'bridge')).toThrow(words);
});

test('interfaces of a machine that name a network are attached to it, under their own number', () => {
  const interfaces = [
    {},
    { network: 'lan', address: '10.1.0.5/24', mac: '02:00:00:00:00:01' },
    { pool: 'blue' },
  ];
  const vm: VM = {
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name: 'db' },
    spec: { resources: {}, interfaces },
  };
  const named = {
    network: 'lan',
    interface: 'eth1',
    ips: ['10.1.0.5/24'],
    mac: '02:00:00:00:00:01',
  };
  expect(cniRequests(podOfVm(vm), 'bridge')).toEqual([named]);
  expect(cniRequests(podOfVm(vm), 'cni')).toEqual([{ interface: 'eth0' }, named]);
});

test('what a pod has is told as tools read it', () => {
  const attachment = {
    network: 'lan',
    interface: 'eth0',
    addresses: [{ address: '10.1.0.5', prefixLength: 24, gateway: '10.1.0.1' }],
    mac: '02:00:00:00:00:01',
    dns: { servers: ['10.1.0.53'], searches: [], options: [] },
    routes: [{ to: '0.0.0.0/0', via: '10.1.0.1' }],
    hostInterfaces: ['cni0'],
  };
  expect(JSON.parse(networkStatus([attachment]))).toEqual([
    {
      name: 'lan',
      interface: 'eth0',
      ips: ['10.1.0.5'],
      mac: '02:00:00:00:00:01',
      default: true,
      dns: { nameservers: ['10.1.0.53'] },
      gateway: ['10.1.0.1'],
    },
  ]);
});

test('what runs keeps the networks that it started with, whatever pod and node say by now', async () => {
  const attached = (network: string, name: string) => ({ network, interface: name });
  const wanted = async (
    instance: Pod,
    has: readonly object[],
    way: 'bridge' | 'cni',
    phase = 'running',
  ) => {
    // Only these are asked.
    const cni = { attachments: async () => has } as unknown as CniNetworks;
    const state = { phase, startedAtMs: 0 };
    const found = { containers: [{ name: 'main', state }] } as unknown as InstanceStatus;
    const { requests, problem } = await wantedNetworks({ cni, nodeNetwork: way }, instance, found);
    return problem?.message ?? requests.map((each) => [each.network, each.interface].join('@'));
  };
  // Neither a node that goes over to CNI, nor a new annotation, ends what runs without.
  expect(await wanted(networks('a'), [], 'cni')).toEqual([]);
  expect(await wanted(networks('a'), [], 'cni', 'exited')).toEqual(['@eth0', 'a@net1']);
  const both = [attached('lan', 'eth0'), attached('a', 'net1')];
  expect(await wanted(networks('a,b'), both, 'bridge')).toEqual(['@eth0', 'a@net1']);
  expect(await wanted(networks('b'), both, 'cni')).toEqual(['@eth0']);
  expect(await wanted(networks('a@b@c'), [], 'bridge')).toContain('"a@b@c"');
  const vm: VM = {
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name: 'db' },
    spec: { resources: {}, interfaces: [{}, { network: 'lan' }] },
  };
  expect(await wanted(podOfVm(vm), [], 'cni')).toEqual(['lan@eth1']);
});
