/** Priority classes through the real server: what becomes of pods and machines that name one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../harness/apiserver.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi('embedded');
});
afterAll(() => api?.stop());

const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
const podsPath = '/api/v1/namespaces/default/pods';
const vmsPath = '/apis/berth.dev/v1/namespaces/default/vms';

function priorityClass(name: string, value: number, more: object = {}) {
  const metadata = { name };
  return { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata, value, ...more };
}

function pod(name: string, spec: object = {}) {
  const containers = [{ name: 'c', image: 'web' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers, ...spec },
  };
}

test('the classes of the system are there from the start, with the columns of kubectl', async () => {
  const { body } = await api.call('GET', classes);
  expect(
    body.items.map((each: { metadata: { name: string }; value: number }) => [
      each.metadata.name,
      each.value,
    ]),
  ).toEqual([
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ]);
});

test('pods and machines get the number and the policy of their class, and keep them', async () => {
  await api.call('POST', classes, priorityClass('calm', 7, { preemptionPolicy: 'Never' }));
  const filled = { priorityClassName: 'calm', priority: 7, preemptionPolicy: 'Never' };
  const made = await api.call('POST', podsPath, pod('a', { priorityClassName: 'calm' }));
  expect(made.body.spec).toMatchObject(filled);

  const resources = { requests: { memory: '64Mi' } };
  const disks = [{ name: 'root', size: '1Gi' }];
  const vm = (spec: object) => ({
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name: 'm' },
    spec: { resources, disks, ...spec },
  });
  expect(
    (await api.call('POST', vmsPath, vm({ priorityClassName: 'calm' }))).body.spec,
  ).toMatchObject(filled);
  // Written anew from the manifest, which does not know the number.
  const { resourceVersion } = (await api.call('GET', `${vmsPath}/m`)).body.metadata;
  const manifest = vm({ priorityClassName: 'calm', running: false });
  const again = { ...manifest, metadata: { name: 'm', resourceVersion } };
  expect((await api.call('PUT', `${vmsPath}/m`, again)).body.spec).toMatchObject(filled);
  const other = await api.call('PUT', `${vmsPath}/m`, {
    ...again,
    metadata: { name: 'm' },
    spec: { ...again.spec, priorityClassName: 'system-node-critical' },
  });
  expect(other.status).toBe(422);
});

test('a class that is not there, and a number beside the class, are refused in the words of Kubernetes', async () => {
  const unknown = await api.call('POST', podsPath, pod('b', { priorityClassName: 'nope' }));
  expect(unknown.status).toBe(403);
  expect(unknown.body.message).toBe(
    'pods "b" is forbidden: no PriorityClass with name nope was found',
  );
  const number = await api.call('POST', podsPath, pod('b', { priority: 5 }));
  expect(number.status).toBe(403);
  expect(number.body.message).toBe(
    'pods "b" is forbidden: the integer value of priority (5) must not be provided in pod spec; ' +
      'priority admission controller computed 0 from the given PriorityClass name',
  );
});

test('pods without a class are of the default one; there is only one', async () => {
  expect((await api.call('POST', podsPath, pod('c'))).body.spec).toMatchObject({
    priority: 0,
    preemptionPolicy: 'PreemptLowerPriority',
  });
  await api.call('POST', classes, priorityClass('usual', 100, { globalDefault: true }));
  expect((await api.call('POST', podsPath, pod('d'))).body.spec).toMatchObject({
    priorityClassName: 'usual',
    priority: 100,
  });
  const second = await api.call('POST', classes, priorityClass('two', 1, { globalDefault: true }));
  expect(second.status).toBe(403);
  expect(second.body.message).toBe(
    'priorityclasses.scheduling.k8s.io "two" is forbidden: PriorityClass usual is already marked as ' +
      'default. Only one default can exist',
  );
});

test('pods stay for five minutes on a node that is lost, unless they say something else', async () => {
  const { body } = await api.call(
    'POST',
    podsPath,
    pod('e', { tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }] }),
  );
  expect(body.spec.tolerations).toEqual([
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists' },
    {
      key: 'node.kubernetes.io/unreachable',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    },
  ]);
});
