import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { volumeSnapshotStrategy } from './volume-snapshot.ts';

const snapshot = (spec: JsonObject): JsonObject => ({ spec: { volume: 'data', ...spec } });
const wrong = (object: JsonObject, old?: JsonObject) =>
  (volumeSnapshotStrategy.validate?.(object, old) ?? []).map(({ field }) => field);
const place = { nodeName: 'n1', allocation: { disk: 'local', size: '1Gi', volumeUID: 'u' } };

test('whoever makes it does not say where it lies, nor that it is ready', () => {
  const object: JsonObject = { ...snapshot(place), status: { readyToUse: true } };
  const user = { name: 'u', uid: '', groups: [], extra: {} };
  volumeSnapshotStrategy.prepareForCreate?.(object, { user, now: '', dryRun: false });
  expect(object).toEqual({
    spec: { volume: 'data' },
    status: { phase: 'Pending', readyToUse: false },
  });
});

test('it gets its place once', () => {
  expect(wrong(snapshot(place), snapshot({}))).toEqual([]);
  expect(wrong(snapshot(place), snapshot(place))).toEqual([]);
  expect(wrong(snapshot({ ...place, nodeName: 'n2' }), snapshot(place))).toEqual(['spec.nodeName']);
  expect(wrong(snapshot({ nodeName: 'n1' }), snapshot(place))).toEqual(['spec.allocation']);
});
