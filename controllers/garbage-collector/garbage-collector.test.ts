import { afterEach, expect, test } from 'vitest';
import type { KubeObject, ObjectMeta, OwnerReference, Resource } from '../../api/meta.ts';
import {
  configMaps,
  customResourceDefinitions,
  namespaces,
  nodes,
} from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { kind, object } from '../../test/harness/fake-api.ts';
import { runGarbageCollector } from './run.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const widgets = kind('example.com', 'v1', 'Widget');

async function setup(kinds: readonly Resource[] = [configMaps, widgets, nodes, namespaces]) {
  const bench = createBench({ kinds });
  benches.push(bench);
  bench.runTask(runGarbageCollector);
  await bench.start();
  const { api } = bench;
  const make = (resource: Resource, key: string, metadata: ObjectMeta = {}) =>
    api.create<KubeObject>(resource, object(resource, key, {}, metadata), { signal });
  const owned = (owners: readonly OwnerReference[], more: ObjectMeta = {}): ObjectMeta => ({
    ownerReferences: owners,
    ...more,
  });
  const remove = (
    resource: Resource,
    key: string,
    propagationPolicy?: 'Background' | 'Foreground' | 'Orphan',
  ) => {
    const [namespace, name = ''] = key.split('/') as [string, string?];
    const policy = propagationPolicy === undefined ? {} : { propagationPolicy };
    return api.delete(resource, { namespace, name }, { signal, ...policy });
  };
  const maps = () =>
    api
      .all(configMaps)
      .map(({ metadata }) => metadata.name)
      .sort();
  const map = (name: string) => api.peek(configMaps, `a/${name}`);
  const release = (name: string) =>
    bench.patch(configMaps, `a/${name}`, { metadata: { finalizers: null } });
  return { bench, api, make, owned, remove, maps, map, release };
}

function ref(owner: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference {
  const { apiVersion, kind: ownerKind, metadata } = owner;
  return { apiVersion, kind: ownerKind, name: metadata.name!, uid: metadata.uid!, ...more };
}

test('what an owner leaves behind goes, and what that owned too', async () => {
  const { bench, make, owned, remove, maps } = await setup();
  const owner = await make(widgets, 'a/own');
  const child = await make(configMaps, 'a/child', owned([ref(owner)]));
  await make(configMaps, 'a/grandchild', owned([ref(child)]));
  await make(configMaps, 'a/stranger');
  await bench.pass();
  expect(maps()).toEqual(['child', 'grandchild', 'stranger']);
  await remove(widgets, 'a/own');
  await bench.pass();
  expect(maps()).toEqual(['stranger']);
});

test('one owner gone of two only loses its reference', async () => {
  const { bench, make, owned, remove, maps, map } = await setup();
  const one = await make(configMaps, 'a/one');
  const two = await make(configMaps, 'a/two');
  await make(configMaps, 'a/child', owned([ref(one), ref(two)]));
  await remove(configMaps, 'a/one');
  await bench.pass();
  expect(map('child')?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['two']);
  await remove(configMaps, 'a/two');
  await bench.pass();
  expect(maps()).toEqual([]);
});

test('owners are told by uid: a namesake does not count', async () => {
  const { bench, make, owned, maps } = await setup();
  const owner = await make(configMaps, 'a/own');
  await make(configMaps, 'a/child', owned([ref(owner, { uid: 'another' })]));
  await bench.pass();
  expect(maps()).toEqual(['own']);
});

test('an owner in another namespace, or in one for a cluster-wide object, is absent', async () => {
  const { bench, api, make, owned, maps } = await setup();
  const owner = await make(configMaps, 'a/own');
  await make(configMaps, 'b/child', owned([ref(owner)]));
  await make(nodes, 'n1', owned([ref(owner)]));
  const node = await make(nodes, 'n2');
  await make(configMaps, 'a/of-node', owned([ref(node)]));
  await bench.pass();
  expect(maps()).toEqual(['of-node', 'own']);
  expect(api.all(nodes).map(({ metadata }) => metadata.name)).toEqual(['n2']);
});

test('an owner of a kind that nobody knows is left in doubt', async () => {
  const { bench, make, owned, maps } = await setup();
  const reference = { apiVersion: 'gone.example.com/v1', kind: 'Ghost', name: 'g', uid: 'u' };
  await make(configMaps, 'a/child', owned([reference]));
  await bench.pass(60_000);
  expect(maps()).toEqual(['child']);
});

test('in the foreground the owner waits for dependents that block it, and only for them', async () => {
  const { bench, make, owned, remove, maps, map, release } = await setup();
  const owner = await make(configMaps, 'a/own');
  const hold = { finalizers: ['example.com/hold'] };
  await make(configMaps, 'a/blocks', owned([ref(owner, { blockOwnerDeletion: true })], hold));
  await make(configMaps, 'a/free', owned([ref(owner)], hold));
  await bench.pass();
  await remove(configMaps, 'a/own', 'Foreground');
  await bench.pass();
  expect(map('own')?.metadata.finalizers).toEqual(['foregroundDeletion']);
  expect(map('blocks')?.metadata).toMatchObject({ finalizers: ['example.com/hold'] });
  expect(map('blocks')?.metadata.deletionTimestamp).toBeDefined();
  await release('blocks');
  await bench.pass();
  expect(maps()).toEqual(['free']);
  expect(map('free')?.metadata.deletionTimestamp).toBeDefined();
  await release('free');
  await bench.pass();
  expect(maps()).toEqual([]);
});

test('in the foreground a whole tree goes from the leaves, and circles do not hold', async () => {
  const { bench, make, owned, remove, maps } = await setup();
  const owner = await make(configMaps, 'a/own');
  const block = { blockOwnerDeletion: true };
  const child = await make(configMaps, 'a/child', owned([ref(owner, block)]));
  await make(configMaps, 'a/leaf', owned([ref(child, block)]));
  await bench.patch(configMaps, 'a/own', {
    metadata: { ownerReferences: [{ ...ref(child, block) }] },
  });
  await bench.pass();
  await remove(configMaps, 'a/own', 'Foreground');
  await bench.pass(5_000);
  expect(maps()).toEqual([]);
});

test('orphans stay, without the reference', async () => {
  const { bench, make, owned, remove, maps, map } = await setup();
  const owner = await make(configMaps, 'a/own');
  const other = await make(configMaps, 'a/other');
  await make(configMaps, 'a/child', owned([ref(owner), ref(other)]));
  await make(configMaps, 'a/only', owned([ref(owner)]));
  await bench.pass();
  await remove(configMaps, 'a/own', 'Orphan');
  await bench.pass();
  expect(maps()).toEqual(['child', 'only', 'other']);
  expect(map('child')?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['other']);
  expect(map('only')?.metadata.ownerReferences).toBeUndefined();
});

test('learns of new kinds when they are defined', async () => {
  const { bench, api, make, owned, remove, maps } = await setup([
    configMaps,
    customResourceDefinitions,
  ]);
  await bench.pass();
  api.kinds.push(widgets);
  await make(customResourceDefinitions, 'widgets.example.com');
  const owner = await make(widgets, 'a/own');
  await make(configMaps, 'a/child', owned([ref(owner)]));
  await bench.pass(2_000);
  expect(maps()).toEqual(['child']);
  await remove(widgets, 'a/own');
  await bench.pass();
  expect(maps()).toEqual([]);
});

test('never deletes by what only its cache says', async () => {
  const { bench, api, make, owned, maps } = await setup();
  await bench.pass();
  const seen = kindsPaused(api, widgets);
  const owner = await make(widgets, 'a/own');
  await make(configMaps, 'a/child', owned([ref(owner)]));
  await bench.pass(5_000);
  seen();
  expect(maps()).toEqual(['child']);
});

/** The watch of one kind hangs: its objects exist, and the cache has not heard of them. */
function kindsPaused(api: Bench['api'], resource: Resource): () => void {
  api.endWatches();
  api.before = async (call) => {
    if (call.resource === resource && call.verb === 'watch') {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
  };
  let release = () => {};
  return () => {
    api.before = () => {};
    release();
  };
}
