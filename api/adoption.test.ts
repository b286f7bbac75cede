import { expect, test } from 'vitest';
import { releaseObstacle } from './adoption.ts';
import type { Pod } from './kinds.gen.ts';

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [] },
};

test('what is nobody else’s can be given away', () => {
  expect(releaseObstacle(pod)).toBeUndefined();
});

test('a controller would make another in its place', () => {
  const owner = {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    name: 'web',
    uid: 'u',
    controller: true,
  };
  const owned = { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
  expect(releaseObstacle(owned)).toContain('kubectl delete workload web --cascade=orphan');
  const other = { ...owner, controller: false };
  expect(
    releaseObstacle({ ...pod, metadata: { ...pod.metadata, ownerReferences: [other] } }),
  ).toBeUndefined();
});

test('a volume and an address could become somebody else’s', () => {
  const volumes = [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }];
  expect(releaseObstacle({ ...pod, spec: { ...pod.spec, volumes } })).toContain('volume "data"');
  const annotations = { 'berth.dev/ip-reservation': 'front' };
  const reserved = { ...pod, metadata: { ...pod.metadata, annotations } };
  expect(releaseObstacle(reserved)).toContain('address of reservation "front"');
});
