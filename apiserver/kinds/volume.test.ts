import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { volumeStrategy } from './volume.ts';

const volume = (spec: JsonObject): JsonObject => ({
  spec: { class: 'local', size: '1Gi', volumeMode: 'Filesystem', fsType: 'ext4', ...spec },
});
const errors = (object: JsonObject, old?: JsonObject) =>
  volumeStrategy.validate?.(object, old) ?? [];
const wrong = (object: JsonObject, old?: JsonObject) => errors(object, old).map((e) => e.field);

test('a size is some, grows and never shrinks, whatever its unit', () => {
  expect(wrong(volume({ size: '0' }))).toEqual(['spec.size']);
  expect(wrong(volume({ size: 'much' }))).toEqual([]); // The schema tells.
  expect(wrong(volume({ size: '2Gi' }), volume({}))).toEqual([]);
  expect(wrong(volume({ size: '1073741824' }), volume({}))).toEqual([]);
  expect(wrong(volume({ size: '1G' }), volume({}))).toEqual(['spec.size']);
  expect(errors(volume({ size: '1G' }), volume({}))[0]?.message).toContain('at least 1Gi');
});

test.each([
  ['class', 'ssd'],
  ['volumeMode', 'Block'],
  ['fsType', 'xfs'],
  ['exclusive', true],
  ['source', { volume: 'a' }],
])('%s is fixed', (field, value) => {
  expect(wrong(volume({ [field]: value }), volume({}))).toEqual([`spec.${field}`]);
  expect(wrong(volume({ [field]: value }), volume({ [field]: value }))).toEqual([]);
});

test('requests and reclaim policy may change; a request is not above its limit', () => {
  const asked = volume({ requests: { readIOPS: 10, writeBPS: '2Mi' }, reclaimPolicy: 'Delete' });
  expect(wrong(asked, volume({ reclaimPolicy: 'Retain' }))).toEqual([]);
  const limits = { readIOPS: 10, writeBPS: '1Mi', readBPS: '0' };
  expect(wrong(volume({ requests: { readIOPS: 10, writeBPS: '2Mi' }, limits }))).toEqual([
    'spec.limits.readBPS',
    'spec.requests.writeBPS',
  ]);
});

test('it is made from one thing', () => {
  expect(wrong(volume({ source: {} }))).toEqual(['spec.source']);
  expect(wrong(volume({ source: { volume: 'a' } }))).toEqual([]);
  expect(wrong(volume({ source: { volume: 'a', snapshot: 'b/c' } }))).toEqual([
    'spec.source.snapshot',
  ]);
  const itself = { metadata: { name: 'a' }, ...volume({ source: { volume: 'a' } }) };
  expect(wrong(itself)).toEqual(['spec.source.volume']);
  expect(wrong(itself, itself)).toEqual([]);
});

test('it stays where it lies', () => {
  const placed = volume({ nodeName: 'n1', allocation: { disk: 'local' } });
  expect(wrong(placed, volume({}))).toEqual([]);
  expect(wrong(placed, volume({ nodeName: 'n1' }))).toEqual([]);
  expect(wrong(volume({}), placed)).toEqual(['spec.nodeName', 'spec.allocation']);
  expect(wrong(volume({ nodeName: 'n2', allocation: { disk: 'x' } }), placed)).toEqual([
    'spec.nodeName',
    'spec.allocation',
  ]);
});

test('every new one is protected, once', () => {
  const protection = 'berth.dev/volume-protection';
  const user = { name: 'u', uid: '', groups: [], extra: {} };
  for (const finalizers of [[], [protection]]) {
    const object: JsonObject = { ...volume({}), metadata: { name: 'v', finalizers } };
    volumeStrategy.prepareForCreate?.(object, { user, now: '', dryRun: false });
    expect(object['metadata']).toEqual({ name: 'v', finalizers: [protection] });
    expect(object['status']).toEqual({ phase: 'Pending' });
  }
});
