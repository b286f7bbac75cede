import { expect, test } from 'vitest';
import type { Volume } from './kinds.gen.ts';
import { podOfVm } from './vm-instance.ts';
import { claimsOf, isPlaced } from './volume.ts';

test('a pod claims each Volume once, in order', () => {
  const claim = (name: string, claimName: string) => ({
    name,
    persistentVolumeClaim: { claimName },
  });
  const volumes = [claim('a', 'data'), { name: 'b', emptyDir: {} }, claim('c', 'data')];
  const containers = [{ name: 'c' }];
  expect(claimsOf({ spec: { containers, volumes: [...volumes, claim('d', 'logs')] } })).toEqual([
    'data',
    'logs',
  ]);
  expect(claimsOf({ spec: { containers } })).toEqual([]);
});

test('a VM claims those of its disks that are Volumes', () => {
  const disks = [
    { name: 'root', size: '1Gi' },
    { name: 'data', volume: 'db' },
  ];
  const metadata = { name: 'db', namespace: 'default', uid: 'u' };
  const vm = podOfVm({
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata,
    spec: { resources: {}, disks },
  });
  expect(claimsOf(vm)).toEqual(['db']);
});

test('a Volume has its place when it has a disk on a node', () => {
  const volume = (spec: Omit<Volume['spec'], 'size'>): Volume => ({
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata: { name: 'v' },
    spec: { size: '1Gi', ...spec },
  });
  expect(isPlaced(volume({}))).toBe(false);
  expect(isPlaced(volume({ nodeName: 'n1' }))).toBe(false);
  expect(isPlaced(volume({ nodeName: 'n1', allocation: { disk: 'local' } }))).toBe(true);
});
