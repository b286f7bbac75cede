import { expect, test } from 'vitest';
import type { Pod, VM } from '../../api/kinds.gen.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { DesiredPods } from './desired-pods.ts';

const metadata = (uid: string) => ({ name: uid, namespace: 'default', uid, resourceVersion: '5' });
const pod = (uid: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(uid),
  spec: { containers: [] },
});
const vm = (uid: string): Pod => {
  const object: VM = {
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: metadata(uid),
    spec: { resources: {} },
  };
  return podOfVm(object);
};
/** A whole list, as an informer tells it. */
const listed = (desired: DesiredPods, source: 'pods' | 'vms', ...objects: readonly Pod[]) => {
  desired.apply(source, { type: 'init' });
  for (const object of objects) desired.apply(source, { type: 'initApply', object });
  return desired.apply(source, { type: 'initDone' }).map(({ uid }) => uid);
};

test('nothing counts as gone before pods and machines have been listed', () => {
  const desired = new DesiredPods();
  expect(desired.get('x')).toEqual({ type: 'unknown' });
  listed(desired, 'pods', pod('a'));
  expect(desired.live).toBe(false);
  expect(desired.get('x')).toEqual({ type: 'unknown' });
  listed(desired, 'vms', vm('m'));
  expect(desired.live).toBe(true);
  expect(desired.get('x')).toEqual({ type: 'gone' });
  expect(desired.list().map(({ kind }) => kind)).toEqual(['Pod', 'VM']);
});

test('a list of pods says nothing about machines, and the other way round', () => {
  const desired = new DesiredPods();
  listed(desired, 'vms', vm('m'));
  expect(listed(desired, 'pods', pod('a'))).toEqual([]);
  expect(listed(desired, 'pods')).toEqual(['a']);
  expect(desired.get('m').type).toBe('pod');
  expect(listed(desired, 'vms')).toEqual(['m']);
});

test('what was remembered counts until the API has answered in full', () => {
  const desired = new DesiredPods();
  listed(desired, 'pods');
  expect(desired.assume([pod('a'), vm('m')]).map(({ uid }) => uid)).toEqual(['a', 'm']);
  // The list of pods has not named it, but that of machines may.
  listed(desired, 'vms', vm('m'));
  expect(desired.get('m').type).toBe('pod');
  expect(desired.assume([pod('b')])).toEqual([]);
});
