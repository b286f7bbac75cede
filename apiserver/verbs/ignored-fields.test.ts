import { expect, test } from 'vitest';
import { ignoredFieldWarnings } from './ignored-fields.ts';

const paths = ['spec.dnsPolicy', 'spec.containers[].livenessProbe'];
const warned = (object: object, old?: object) =>
  ignoredFieldWarnings({ ...object }, old === undefined ? undefined : { ...old }, paths);

test('names each field that is set, with its index', () => {
  const containers = [{ name: 'a' }, { name: 'b', livenessProbe: { exec: {} } }];
  expect(warned({ spec: { dnsPolicy: 'None', containers } })).toEqual([
    'spec.dnsPolicy: kept, but Berth does not act on this field yet',
    'spec.containers[1].livenessProbe: kept, but Berth does not act on this field yet',
  ]);
});

test('empty values and those that were there before are no news', () => {
  expect(warned({ spec: { containers: [{ livenessProbe: {} }] } })).toEqual([]);
  const object = { spec: { dnsPolicy: 'None' } };
  expect(warned(object, object)).toEqual([]);
  expect(warned({ spec: { dnsPolicy: 'Default' } }, object)).toHaveLength(1);
});
