import { expect, it } from 'vitest';
import { makeTable } from '../table.ts';
import { devicesOf } from './pod-devices.ts';

const pod = (allocation?: string) => ({
  metadata: {
    name: 'p',
    annotations: allocation === undefined ? {} : { 'berth.dev/allocation': allocation },
  },
});

it.each([
  [{ cpuBound: { cores: { 2: 100, 3: 50 }, numaNode: 0, memory: 7 } }, 'cores 2,3:50 numa 0'],
  [{ cpuBound: { cores: { 0: 100 } }, gpu: { devices: [0, 2], milli: 1000 } }, 'cores 0; gpu 0,2'],
  [{ gpu: { devices: [1], milli: 250 }, hostPorts: [{ port: 80 }] }, 'gpu 1:250m'],
  [{ disks: [{ name: 'a', disk: 'nvme0' }], gpu: { devices: [3], milli: 1000 } }, 'gpu 3'],
  [{ licence: { seats: [1, 2] } }, 'licence {"seats":[1,2]}'],
  [{ licence: 'x'.repeat(99) }, `licence "${'x'.repeat(39)}…`],
  [{ cpuBound: { cores: {} }, gpu: 7, disks: 'odd' }, ''],
  [{}, ''],
])('%j is shown as %s', (allocation, words) => {
  expect(devicesOf(pod(JSON.stringify(allocation)))).toBe(words);
});

it.each([undefined, '', '{', '[]', 'null', '7'])('allocation %s is nothing', (written) => {
  expect(devicesOf(pod(written))).toBe('');
});

it('is a column of its own only where some pod has been given something', () => {
  const kind = { group: '', resource: 'pods', builtin: true };
  const gpu = pod('{"gpu":{"devices":[1],"milli":1000}}');
  const table = (...objects: ReturnType<typeof pod>[]) =>
    makeTable({ kind, objects, metadata: {}, nowMs: 0 });
  const shown = table(pod(), gpu);
  expect(shown.columnDefinitions?.at(-1)).toMatchObject({ name: 'Devices', priority: 1 });
  expect(shown.rows?.map(({ cells }) => cells.at(-1))).toEqual(['<none>', 'gpu 1']);
  const plain = table(pod());
  expect(plain.columnDefinitions?.at(-1)?.name).toBe('Readiness Gates');
  expect(plain.rows?.[0]?.cells).toHaveLength(plain.columnDefinitions?.length ?? 0);
});
