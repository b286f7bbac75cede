import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { addressesOf, type NameSource } from './names.ts';

const source = (objects: Readonly<Record<string, JsonObject>>): NameSource => ({
  get: (key) => (objects[key] === undefined ? undefined : { object: objects[key] }),
  list: (prefix) =>
    Object.entries(objects).flatMap(([key, object]) => (key.startsWith(prefix) ? { object } : [])),
});

const pod = (ip: string, more: JsonObject = {}, ready = 'True'): JsonObject => ({
  ...more,
  status: { podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready }] },
});
const owned = { metadata: { ownerReferences: [{ uid: 'w1' }] } };

test('an instance counts before its reservation, and a reservation before a workload', () => {
  const reservation = { status: { address: '10.0.0.9' } };
  const all = {
    'core/pods/ns/web': pod('10.0.0.1'),
    'berth.dev/ipreservations/ns/web': reservation,
    'berth.dev/ipreservations/ns/db': reservation,
    'berth.dev/vms/ns/vm': { status: { addresses: ['10.0.0.5', 'fd00::5'] } },
  };
  expect(addressesOf(source(all), 'ns', 'web')).toEqual(['10.0.0.1']);
  expect(addressesOf(source(all), 'ns', 'db')).toEqual(['10.0.0.9']);
  expect(addressesOf(source(all), 'ns', 'vm')).toEqual(['10.0.0.5', 'fd00::5']);
  expect(addressesOf(source(all), 'other', 'web')).toBeUndefined();
});

test('what has no address yet is known, and a pod that is over has none any more', () => {
  const all = {
    'core/pods/ns/young': { status: {} },
    'core/pods/ns/over': { status: { phase: 'Succeeded', podIPs: [{ ip: '10.0.0.1' }] } },
    'core/pods/ns/kept': { status: {} },
    'berth.dev/ipreservations/ns/kept': { status: { address: '10.0.0.9' } },
  };
  expect(addressesOf(source(all), 'ns', 'young')).toEqual([]);
  expect(addressesOf(source(all), 'ns', 'over')).toEqual([]);
  expect(addressesOf(source(all), 'ns', 'kept')).toEqual(['10.0.0.9']);
});

test('a workload is its instances that are ready', () => {
  const all = {
    'berth.dev/workloads/ns/web': { metadata: { uid: 'w1' } },
    'core/pods/ns/web-0': pod('10.0.0.1', owned),
    'core/pods/ns/web-1': pod('10.0.0.2', owned, 'False'),
    'core/pods/ns/web-2': pod('10.0.0.3', owned),
    'core/pods/ns/stranger': pod('10.0.0.4'),
  };
  expect(addressesOf(source(all), 'ns', 'web')).toEqual(['10.0.0.1', '10.0.0.3']);
});
