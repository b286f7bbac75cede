import { expect, test } from 'vitest';
import type { HeldVolume } from '../disks/hold-volumes.ts';
import { devicesOf } from './block-devices.ts';

const device = { path: '/dev/loop3', number: '7:3' };
const held = new Map<string, HeldVolume>([
  ['raw', { device, sizeBytes: 1n, limits: {}, link: '/dev/berth/u1' }],
  ['files', { device, sizeBytes: 1n, limits: {}, path: '/mounts/u2' }],
]);
const claim = (name: string, claimName: string, readOnly = false) => ({
  name,
  persistentVolumeClaim: { claimName, readOnly },
});
const spec = {
  containers: [],
  volumes: [claim('a', 'raw'), claim('b', 'raw', true), claim('c', 'files'), { name: 'd' }],
};
const of = (name: string) => {
  const volumeDevices = [{ name, devicePath: '/dev/data' }];
  return devicesOf({ name: 'main', volumeDevices }, { spec }, held).devices;
};

test('a device is where the container wants it, by a name that stays', () => {
  const node = { hostPath: '/dev/berth/u1', containerPath: '/dev/data' };
  expect(of('a')).toEqual([{ ...node, readOnly: false }]);
  expect(of('b')).toEqual([{ ...node, readOnly: true }]);
  expect(devicesOf({ name: 'main' }, { spec }, held)).toEqual({});
});

test('what has a file system, or is no claim, is refused with the remedy', () => {
  expect(() => of('c')).toThrow(
    'volumeDevices: volume "files" has a file system: name it in volumeMounts, or make a Volume of volumeMode Block',
  );
  expect(() => of('d')).toThrow('volumeDevices: volume "d" is no persistentVolumeClaim');
});
