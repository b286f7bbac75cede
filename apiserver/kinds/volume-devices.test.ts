import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validateDevices } from './volume-devices.ts';

const volumes = [
  { name: 'raw', persistentVolumeClaim: { claimName: 'data' } },
  { name: 'dir', emptyDir: {} },
];
const wrong = (devices: readonly JsonObject[], mounts: readonly JsonObject[] = []) =>
  validateDevices({ volumeDevices: devices, volumeMounts: mounts }, volumes, 'c').map(
    ({ field, message }) => `${field}: ${message.split(': ').at(-1)}`,
  );
const device = (name: string, devicePath = '/dev/data') => ({ name, devicePath });

test('a claim appears once, at an absolute path of its own', () => {
  expect(wrong([device('raw')])).toEqual([]);
  expect(wrong([device('raw'), device('raw', '/dev/b')])).toEqual([
    'c.volumeDevices[1].name: must be unique',
  ]);
  expect(wrong([device('raw', 'dev/data')])).toEqual([
    'c.volumeDevices[0].devicePath: must be an absolute path',
  ]);
  expect(wrong([device('raw', '/dev/../etc')])).toEqual([
    "c.volumeDevices[0].devicePath: must not contain '..'",
  ]);
});

test('only claims are block devices, and not also mounted', () => {
  expect(wrong([device('none')])).toEqual([
    'c.volumeDevices[0].name: no entry of spec.volumes has this name',
  ]);
  expect(wrong([device('dir')])).toEqual([
    'c.volumeDevices[0].name: can only use volume source type of PersistentVolumeClaim for block mode',
  ]);
  expect(wrong([device('raw')], [{ name: 'raw', mountPath: '/dev/data' }])).toEqual([
    'c.volumeDevices[0].name: must not already exist in volumeMounts',
    'c.volumeDevices[0].devicePath: must not already exist as a path in volumeMounts',
  ]);
});
