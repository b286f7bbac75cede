import { expect, test } from 'vitest';
import type { ContainerSpec } from '../runtime.ts';
import { decodeLabels, encodeLabels, type UnitLabels, unitName, unitsOf } from './labels.ts';
import { boundingSet, cpuWeight, unitProperties } from './unit-properties.ts';

const labels: UnitLabels = {
  node: 'n',
  instance: '0a1b',
  namespace: 'default',
  name: 'web',
  container: 'main',
  attempt: 2,
  image: '',
};
const container: ContainerSpec = {
  name: 'main',
  attempt: 2,
  image: '',
  command: ['sleep', '$HOME'],
  args: ['50%'],
  env: { A: 'b' },
  tty: false,
  stdin: false,
  privileged: false,
  readOnlyRootFilesystem: false,
  ports: [],
  mounts: [],
  limits: {},
};
const properties = (more: Partial<ContainerSpec> = {}) =>
  new Map(
    unitProperties(labels, { ...container, ...more }, {}).map(([name, { value }]) => [name, value]),
  );

test('the command is passed as it is, without expansion', () => {
  expect(properties().get('ExecStartEx')).toEqual([
    ['sleep', ['sleep', '$HOME', '50%'], ['no-env-expand']],
  ]);
});

test('limits of a device, each where there is one', () => {
  const found = properties({ io: [{ device: '/dev/loop3', number: '7:3', writeIops: 20 }] });
  expect(found.get('IOAccounting')).toBe(true);
  expect(found.get('IOWriteIOPSMax')).toEqual([['/dev/loop3', 20n]]);
  expect(found.has('IOReadIOPSMax')).toBe(false);
  expect(properties().has('IOAccounting')).toBe(false);
});

test("limits in systemd's units", () => {
  const limits = { cpuMilli: 250, cpuRequestMilli: 1500, memoryBytes: 64n << 20n };
  const found = properties({ limits });
  expect(found.get('CPUQuotaPerSecUSec')).toBe(250_000n);
  expect(found.get('CPUWeight')).toBe(150n);
  expect(found.get('MemoryMax')).toBe(67_108_864n);
  expect(found.get('MemorySwapMax')).toBe(0n);
  expect(properties().has('MemoryMax')).toBe(false);
});

test.each([
  [1, 1n],
  [10, 1n],
  [1_000, 100n],
  [200_000, 10_000n],
])('a request of %i thousandths weighs %s', (milli, weight) => {
  expect(cpuWeight(milli)).toBe(weight);
});

test('user, group and further groups', () => {
  const found = properties({ user: '1000:1001', groups: [5, 6] });
  expect(found.get('User')).toBe('1000');
  expect(found.get('Group')).toBe('1001');
  expect(found.get('SupplementaryGroups')).toEqual(['5', '6']);
});

test('mounts read-only and writable; an empty list is not sent, for it would take others back', () => {
  const mounts = [{ hostPath: '/a', containerPath: '/b', readOnly: true }];
  const found = properties({ mounts });
  expect(found.get('BindReadOnlyPaths')).toEqual([['/a', '/b', false, 16_384n]]);
  expect(found.has('BindPaths')).toBe(false);
});

test('capabilities are taken from all that there are', () => {
  expect(boundingSet({ add: ['NET_ADMIN'], drop: [] })).toBeUndefined();
  expect(boundingSet({ add: ['CHOWN', 'KILL'], drop: ['ALL'] })).toBe(0b100001n);
  expect(boundingSet({ add: [], drop: ['CHOWN'] })).toBe((1n << 41n) - 2n);
});

test('labels come back as they were, also with an equals sign in them', () => {
  const odd = { ...labels, image: '/srv/a=b', container: 'c' };
  expect(decodeLabels(encodeLabels(odd))).toEqual(odd);
  expect(decodeLabels(['OTHER=1'])).toBeUndefined();
});

test('names tell instances, nodes and containers apart, however long the words are', () => {
  const long = { ...labels, name: 'n'.repeat(250) };
  const names = [
    labels,
    { ...labels, node: 'm' },
    { ...labels, instance: 'x' },
    { ...labels, attempt: 3 },
    long,
    { ...long, container: 'side' },
  ].map(unitName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name.length).toBeLessThanOrEqual(200);
  const pattern = new RegExp(`^${unitsOf('n', '0a1b').replaceAll('*', '.*')}$`);
  expect(unitName(labels)).toMatch(pattern);
  expect(unitName(long)).toMatch(pattern);
  expect(unitName({ ...labels, node: 'm' })).not.toMatch(pattern);
});

test('a unit with GPUs reaches their files and no others, and is told which they are', () => {
  const control = '/dev/nvidiactl';
  const gpus = [
    { vendor: 'nvidia' as const, id: 'GPU-a', paths: ['/dev/nvidia0', control] },
    { vendor: 'nvidia' as const, id: 'GPU-b', paths: ['/dev/nvidia2', control] },
  ];
  const found = properties({ gpus });
  expect(found.get('DevicePolicy')).toBe('closed');
  expect(found.get('DeviceAllow')).toEqual([
    ['/dev/nvidia0', 'rw'],
    [control, 'rw'],
    ['/dev/nvidia2', 'rw'],
  ]);
  expect(found.get('Environment')).toContain('CUDA_VISIBLE_DEVICES=GPU-a,GPU-b');
  expect(properties({ gpus: [] }).has('DevicePolicy')).toBe(false);
});

test('block devices are where they shall be, in a /dev of its own, and no others', () => {
  const device = { hostPath: '/dev/berth/u1', containerPath: '/dev/data' };
  const found = properties({ devices: [{ ...device, readOnly: true }] });
  expect(found.get('DevicePolicy')).toBe('closed');
  expect(found.get('DeviceAllow')).toEqual([['/dev/berth/u1', 'r']]);
  expect(found.get('PrivateDevices')).toBe(true);
  expect(found.get('BindPaths')).toEqual([['/dev/berth/u1', '/dev/data', false, 16_384n]]);
});
