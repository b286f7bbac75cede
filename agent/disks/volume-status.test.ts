import { expect, test } from 'vitest';
import type { Volume, VolumeStatus } from '../../api/kinds.gen.ts';
import { statusPatch, volumeStatus } from './volume-status.ts';

const nowMs = Date.parse('2026-01-02T03:04:05Z');
const image = { path: '/disk/a.img', sizeBytes: 64n << 20n };
const full = { reason: 'DiskFull', message: 'no room', waits: false };

function volume(status?: VolumeStatus, deletionTimestamp?: string): Volume {
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata: {
      namespace: 'default',
      name: 'data',
      generation: 3,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: { size: '64Mi' },
    ...(status === undefined ? {} : { status }),
  };
}

test('a volume that is there is ready, with its size and place', () => {
  const status = volumeStatus(volume(), { image }, nowMs);
  expect(status).toMatchObject({
    observedGeneration: 3,
    phase: 'Ready',
    capacity: '64Mi',
    path: '/disk/a.img',
    conditions: [{ type: 'Ready', status: 'True', reason: 'VolumeReady' }],
  });
});

test.each([
  ['Failed', full],
  ['Pending', { ...full, waits: true }],
])('one that is not there is %s, with the reason', (phase, problem) => {
  const status = volumeStatus(volume(), { problem }, nowMs);
  expect(status).toMatchObject({
    phase,
    conditions: [{ type: 'Ready', status: 'False', reason: 'DiskFull', message: 'no room' }],
  });
  expect(status.capacity).toBeUndefined();
});

test('one that cannot grow stays ready at the size it had, and says why until it has grown', () => {
  const before = volumeStatus(volume(), { image: { ...image, sizeBytes: 32n << 20n } }, nowMs);
  const stuck = volumeStatus(volume(before), { image, problem: full }, nowMs);
  expect(stuck).toMatchObject({ phase: 'Ready', capacity: '32Mi' });
  expect(stuck.conditions?.map(({ type, status }) => [type, status])).toEqual([
    ['Ready', 'True'],
    ['ResizePending', 'True'],
  ]);
  const grown = volumeStatus(volume(stuck), { image }, nowMs);
  expect(grown.capacity).toBe('64Mi');
  expect(grown.conditions?.map(({ type }) => type)).toEqual(['Ready']);
});

test('a deleted one is released, and says what holds its end up', () => {
  const stuck = volumeStatus(volume(), { image, problem: full }, nowMs);
  const status = volumeStatus(volume(stuck, 'then'), { image, problem: full }, nowMs);
  expect(status.phase).toBe('Released');
  expect(status.conditions?.map(({ type }) => type)).toEqual(['Ready', 'DeletionPending']);
  expect(volumeStatus(volume(status, 'then'), { image, problem: full }, nowMs + 5_000)).toEqual(
    status,
  );
});

test('only what differs is written, and never who holds it', () => {
  const before: VolumeStatus = { holder: { kind: 'Pod', name: 'a', uid: 'u' } };
  const after = volumeStatus(volume(before), { image }, nowMs);
  expect(Object.keys(statusPatch(before, after) ?? {})).toEqual([
    'observedGeneration',
    'phase',
    'capacity',
    'path',
    'conditions',
  ]);
  expect(statusPatch(after, volumeStatus(volume(after), { image }, nowMs + 5_000))).toBeUndefined();
});
