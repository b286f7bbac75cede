import { afterEach, expect, test } from 'vitest';
import type { Namespace } from '../../api/kinds.gen.ts';
import { configMaps, namespaces, pods, serviceAccounts } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { kind, object } from '../../test/harness/fake-api.ts';
import { namespaceController } from './controller.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const widgets = kind('example.com', 'v1', 'Widget');

async function setup() {
  const bench = createBench({ kinds: [configMaps, pods, serviceAccounts, widgets, namespaces] });
  benches.push(bench);
  bench.run(namespaceController());
  await bench.start();
  const { api } = bench;
  for (const name of ['a', 'b']) {
    await api.create(namespaces, object(namespaces, name), { signal });
  }
  await bench.pass();
  const namespace = () => api.peek<Namespace>(namespaces, 'a');
  const conditions = () =>
    Object.fromEntries(
      (namespace()?.status?.conditions ?? []).map(({ type, status, reason }) => [
        type,
        `${status} ${reason}`,
      ]),
    );
  const names = (resource = configMaps) =>
    api.all(resource).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return { bench, api, namespace, conditions, names };
}

test('each namespace has its service account, again and again', async () => {
  const { bench, api, names } = await setup();
  expect(names(serviceAccounts)).toEqual(['a/default', 'b/default']);
  await api.delete(serviceAccounts, { namespace: 'a', name: 'default' }, { signal });
  await bench.pass();
  expect(names(serviceAccounts).sort()).toEqual(['a/default', 'b/default']);
});

test('a deleted namespace is emptied, and only it', async () => {
  const { bench, api, namespace, names } = await setup();
  for (const key of ['a/x', 'a/y', 'b/x']) {
    await api.create(configMaps, object(configMaps, key), { signal });
    await api.create(widgets, object(widgets, key), { signal });
  }
  await api.delete(namespaces, { name: 'a' }, { signal });
  await bench.pass(5_000);
  expect(namespace()).toBeUndefined();
  expect(names()).toEqual(['b/x']);
  expect(names(widgets)).toEqual(['b/x']);
  expect(names(serviceAccounts)).toEqual(['b/default']);
});

test('pods go first, and finalizers hold the namespace', async () => {
  const { bench, api, namespace, conditions, names } = await setup();
  await api.create(configMaps, object(configMaps, 'a/x', {}, { finalizers: ['e.com/hold'] }), {
    signal,
  });
  await api.create(pods, object(pods, 'a/p', { spec: { nodeName: 'n1' } }), { signal });
  await api.delete(namespaces, { name: 'a' }, { signal });
  await bench.pass(3_000);
  expect(names()).toEqual(['a/x']);
  expect(api.peek(configMaps, 'a/x')?.metadata.deletionTimestamp).toBeUndefined();
  expect(conditions()).toMatchObject({ NamespaceContentRemaining: 'True SomeResourcesRemain' });
  await api.delete(pods, { namespace: 'a', name: 'p' }, { gracePeriodSeconds: 0, signal });
  await bench.pass(3_000);
  expect(api.peek(configMaps, 'a/x')?.metadata.deletionTimestamp).toBeDefined();
  expect(conditions()).toEqual({
    NamespaceDeletionDiscoveryFailure: 'False ResourcesDiscovered',
    NamespaceDeletionContentFailure: 'False ContentDeleted',
    NamespaceContentRemaining: 'True SomeResourcesRemain',
    NamespaceFinalizersRemaining: 'True SomeFinalizersRemain',
  });
  const messages = (namespace()?.status?.conditions ?? []).map(({ message }) => message);
  expect(messages).toContain('Some resources are remaining: configmaps. has 1 resource instances');
  await bench.patch(configMaps, 'a/x', { metadata: { finalizers: null } });
  await bench.pass(3_000);
  expect(namespace()).toBeUndefined();
});

test('a kind that cannot be read holds the namespace and is named', async () => {
  const { bench, api, namespace, conditions } = await setup();
  api.before = ({ verb, resource }) => {
    if (verb === 'list' && resource.kind === 'Widget') {
      throw new StatusError(500, 'InternalError', 'conversion failed');
    }
  };
  await api.delete(namespaces, { name: 'a' }, { signal });
  await bench.pass(3_000);
  expect(conditions()).toMatchObject({
    NamespaceDeletionContentFailure: 'True ContentDeletionFailed',
  });
  api.before = () => {};
  await bench.pass(3_000);
  expect(namespace()).toBeUndefined();
});
