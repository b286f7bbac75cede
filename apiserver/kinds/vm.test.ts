import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { vmStrategy } from './vm.ts';

const requests = { cpu: '2', memory: '1Gi' };
const vm = (spec: JsonObject): JsonObject => ({
  spec: { resources: { requests }, boot: { kernel: '/k' }, ...spec },
});
const wrong = (object: JsonObject, old?: JsonObject) =>
  vmStrategy.validate?.(object, old)?.map(({ field }) => field);

test('a machine without a node is Pending', () => {
  const made = vm({});
  vmStrategy.prepareForCreate?.(made, undefined as never);
  expect(made['status']).toEqual({ phase: 'Pending' });
});

test('memory must be there and be some', () => {
  expect(wrong(vm({}))).toEqual([]);
  expect(wrong(vm({ resources: {} }))).toEqual(['spec.resources.requests.memory']);
  expect(wrong(vm({ resources: { limits: { memory: '0' } } }))).toEqual([
    'spec.resources.limits.memory',
  ]);
});

test('amounts are some, and no Volume is two disks', () => {
  const limits = { cpu: '-1', memory: '-1Gi' };
  expect(wrong(vm({ resources: { requests, limits } }))).toEqual([
    'spec.resources.limits[cpu]',
    'spec.resources.limits[memory]',
  ]);
  const less = { cpu: '-2', memory: '-1Gi' };
  expect(wrong(vm({ resources: { requests: less } }))).toEqual([
    'spec.resources.requests[cpu]',
    'spec.resources.requests[memory]',
  ]);
  const disks = [
    { name: 'a', size: '-1Gi', limits: { readBandwidth: '0' } },
    { name: 'b', volume: 'data' },
    { name: 'c', volume: 'data' },
  ];
  expect(wrong(vm({ disks }))).toEqual([
    'spec.disks[0].size',
    'spec.disks[0].limits.readBandwidth',
    'spec.disks[2].volume',
  ]);
});

test('no two interfaces are one, no MAC is a group’s, pages have a size, and cidata is cloud-init’s', () => {
  const interfaces = [
    { mac: '02:00:00:00:00:01', address: '10.0.0.1/24' },
    { mac: '02:00:00:00:00:01' },
    { address: '10.0.0.1/16' },
    { bridge: 'other', mac: '02:00:00:00:00:01' },
    { mac: '01:00:00:00:00:01' },
  ];
  expect(wrong(vm({ interfaces, memory: { hugepages: '0' } }))).toEqual([
    'spec.memory.hugepages',
    'spec.interfaces[1].mac',
    'spec.interfaces[2].address',
    'spec.interfaces[4].mac',
  ]);
  const disks = [{ name: 'cidata', size: '1Gi' }];
  expect(wrong(vm({ disks }))).toEqual([]);
  expect(wrong(vm({ disks, cloudInit: {} }))).toEqual(['spec.disks[0].name']);
});

test('addresses can be read', () => {
  const interfaces = [
    { address: '10.0.0.300/24' },
    { address: '10.0.0.3/99', gateway: '10.0.0.256' },
    { network: 'lan', address: '10.0.0.3/33' },
    { address: '10.0.0.4/24', gateway: '10.0.0.1' },
  ];
  expect(wrong(vm({ interfaces }))).toEqual([
    'spec.interfaces[0].address',
    'spec.interfaces[1].address',
    'spec.interfaces[1].gateway',
    'spec.interfaces[2].address',
  ]);
});

test('what was written under other rules can still be written to', () => {
  const old = vm({ disks: [{ name: 'a', size: '0' }] });
  expect(wrong(old)).toEqual(['spec.disks[0].size']);
  expect(wrong(old, old)).toEqual([]);
});

test('something must be booted', () => {
  expect(wrong({ spec: { resources: { requests } } })).toEqual(['spec.disks']);
});

test('disks and their images', () => {
  const disks = [
    { name: 'blank' },
    { name: 'both', image: { path: '/a', url: 'https://x' } },
    { name: 'none', image: {} },
    { name: 'unchecked', image: { url: 'https://x' } },
    { name: 'good', image: { path: '/a' } },
  ];
  expect(wrong(vm({ disks }))).toEqual([
    'spec.disks[0].size',
    'spec.disks[1].image',
    'spec.disks[2].image',
    'spec.disks[3].image.checksum',
  ]);
  const old = vm({ disks: [{ name: 'good', image: { path: '/b' } }] });
  expect(wrong(vm({ disks: [{ name: 'good', image: { path: '/a' } }] }), old)).toEqual([
    'spec.disks[0].image',
  ]);
});

test('a disk that is a Volume has nothing of its own, and stays that Volume', () => {
  const disk = (more: JsonObject) => vm({ disks: [{ name: 'd', volume: 'data', ...more }] });
  expect(wrong(disk({ readOnly: true }))).toEqual([]);
  expect(wrong(disk({ size: '1Gi', image: { path: '/a' } }))).toEqual([
    'spec.disks[0].size',
    'spec.disks[0].image',
  ]);
  expect(wrong(disk({ volume: 'other' }), disk({}))).toEqual(['spec.disks[0].volume']);
  expect(wrong(vm({ disks: [{ name: 'd', size: '1Gi' }] }), disk({}))).toEqual([
    'spec.disks[0].volume',
  ]);
});

test('files that are somebody else’s are an adopted machine’s alone, and those it came with', () => {
  const metadata = { annotations: { 'berth.dev/adopt': 'libvirt/db' } };
  const disk = (more: JsonObject = {}) => ({ name: 'vda', path: '/theirs', ...more });
  const adopted = (...disks: JsonObject[]) => ({ ...vm({ disks }), metadata });
  expect(wrong(adopted(disk()))).toEqual([]);
  // It may boot from what no VM can say.
  expect(wrong({ spec: { resources: { requests } }, metadata })).toEqual([]);
  expect(wrong(vm({ disks: [disk()] }))).toEqual(['spec.disks[0].path']);
  expect(wrong(adopted(disk({ image: { path: '/a' } })))).toEqual(['spec.disks[0].path']);
  const before = adopted(disk());
  expect(wrong(adopted(disk({ size: '1Gi' })), before)).toEqual([]);
  expect(wrong(adopted(disk({ path: '/etc/shadow' })), before)).toEqual(['spec.disks[0].path']);
  expect(wrong(adopted(disk(), disk({ name: 'more' })), before)).toEqual(['spec.disks[1].path']);
});

test('sockets, cores and threads come to the number of CPUs', () => {
  expect(wrong(vm({ cpu: { sockets: 1, cores: 2 } }))).toEqual([]);
  expect(wrong(vm({ cpu: { cores: 4 } }))).toEqual(['spec.cpu']);
  expect(wrong(vm({ cpu: { cores: 4, max: 4 } }))).toEqual([]);
});

test('a machine stays on its node, and has time to end there', () => {
  const bound = vm({ nodeName: 'n1', terminationGracePeriodSeconds: 5 });
  expect(wrong(vm({ nodeName: 'n2' }), bound)).toEqual(['spec.nodeName']);
  expect(wrong(vm({}), bound)).toEqual(['spec.nodeName']);
  expect(wrong(vm({ nodeName: 'n1' }), vm({}))).toEqual([]);
  expect(vmStrategy.deletion?.(bound, undefined)).toEqual({ type: 'graceful', seconds: 5 });
  expect(vmStrategy.deletion?.(bound, 0)).toEqual({ type: 'now' });
  expect(vmStrategy.deletion?.(vm({}), undefined)).toEqual({ type: 'now' });
});

test('a machine has whole GPUs, which are chosen with its node', () => {
  const gpus = (amount: string, more: JsonObject = {}) =>
    vm({ resources: { requests: { cpu: '2', memory: '1Gi', 'berth.dev/gpu': amount } }, ...more });
  const field = 'spec.resources.requests.berth.dev/gpu';
  expect(wrong(gpus('2'))).toEqual([]);
  expect(wrong(gpus('500m'))).toEqual([field]);
  const on = { nodeName: 'n1' };
  expect(wrong(gpus('1', on), gpus('1', on))).toEqual([]);
  expect(wrong(gpus('2', on), gpus('1', on))).toEqual([field]);
  expect(wrong(vm(on), gpus('1', on))).toEqual([field]);
  expect(wrong(gpus('2'), gpus('1'))).toEqual([]);
});

test('what a machine may grow to is no less than what it has', () => {
  expect(wrong(vm({ cpu: { max: 4 }, memory: { max: '2Gi' } }))).toEqual([]);
  expect(wrong(vm({ cpu: { max: 1 }, memory: { max: '512Mi' } }))).toEqual([
    'spec.cpu.max',
    'spec.memory.max',
  ]);
});

test('an interface says where its network is from once', () => {
  const interfaces = (...list: JsonObject[]) => vm({ interfaces: list });
  const address = '10.1.0.5/24';
  expect(wrong(interfaces({ network: 'lan', address, mac: '02:00:00:00:00:01' }))).toEqual([]);
  expect(
    wrong(interfaces({ pool: 'blue' }, { network: 'lan', pool: 'blue', bridge: 'b' })),
  ).toEqual(['spec.interfaces[1].pool', 'spec.interfaces[1].bridge']);
  expect(wrong(interfaces({ pool: 'blue', address }))).toEqual(['spec.interfaces[0].address']);
});
