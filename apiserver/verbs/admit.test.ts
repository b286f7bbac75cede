import { expect, test } from 'vitest';
import { dedupeOwners } from './admit.ts';

const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: '1' };

test('an owner that is named twice is kept once, with one warning for all of them', () => {
  const other = { ...owner, uid: '2' };
  const object = { metadata: { ownerReferences: [owner, other, owner, other] } };
  const warnings: string[] = [];
  dedupeOwners(object, warnings);
  expect(object.metadata.ownerReferences).toEqual([owner, other]);
  expect(warnings).toEqual([expect.stringMatching(/duplicate UID\(s\) observed: 1, 2$/)]);
});

test('owners that differ in any field are kept, whatever their uid', () => {
  const ownerReferences = [
    owner,
    { ...owner, name: 'b' },
    { ...owner, apiVersion: 'v2' },
    { ...owner, controller: true },
  ];
  const object = { metadata: { ownerReferences } };
  const warnings: string[] = [];
  dedupeOwners(object, warnings);
  expect(object.metadata.ownerReferences).toHaveLength(4);
  expect(warnings).toEqual([]);
});
