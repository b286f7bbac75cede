import { expect, test } from 'vitest';
import type { VolumeSnapshot } from '../../api/kinds.gen.ts';
import { snapshotPatch, snapshotStatus } from './snapshot-status.ts';

const snapshot = (status: VolumeSnapshot['status'] = {}): VolumeSnapshot => ({
  apiVersion: 'berth.dev/v1',
  kind: 'VolumeSnapshot',
  metadata: { namespace: 'a', name: 's', generation: 2 },
  spec: { volume: 'data' },
  status,
});
const problem = (reason: string) => ({
  type: 'problem' as const,
  problem: { reason, message: `it is ${reason}`, waits: true },
  lost: false,
});
const taken = { type: 'taken' as const, path: '/v/s.img', sizeBytes: 3n << 30n };

test('what waits says why, and is tried again; what is lost has failed', () => {
  const waits = snapshotStatus(snapshot(), problem('DiskFull'), 0);
  expect(waits).toMatchObject({
    phase: 'Pending',
    readyToUse: false,
    message: 'it is DiskFull',
    conditions: [{ type: 'Ready', status: 'False', reason: 'DiskFull', observedGeneration: 2 }],
  });
  const lost = snapshotStatus(snapshot(), { ...problem('DataMissing'), lost: true }, 0);
  expect(lost).toMatchObject({ phase: 'Failed', readyToUse: false });
});

test('what is taken loses its message, and keeps when it was', () => {
  const before = snapshotStatus(snapshot(), problem('InUse'), 0);
  const after = snapshotStatus(
    snapshot(before),
    { ...taken, takenAtMs: 5_000, frozen: true },
    6_000,
  );
  expect(after).toMatchObject({
    phase: 'Ready',
    readyToUse: true,
    restoreSize: '3Gi',
    creationTime: '1970-01-01T00:00:05Z',
    frozen: true,
    path: '/v/s.img',
    conditions: [{ status: 'True', reason: 'Taken' }],
  });
  expect(snapshotPatch(before, after)).toMatchObject({ message: null, phase: 'Ready' });
  // Found again later, when nobody knows any more when it was taken.
  const again = snapshotStatus(snapshot(after), taken, 9_000);
  expect(snapshotPatch(after, again)).toBeUndefined();
});
