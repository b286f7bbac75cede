import { afterEach, expect, test } from 'vitest';
import type { ClusterRole } from '../../api/kinds.gen.ts';
import { clusterRoles } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { roleAggregationController } from './controller.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });

async function setup() {
  const bench = createBench({ kinds: [clusterRoles] });
  benches.push(bench);
  bench.run(roleAggregationController(bench.deps));
  await bench.start();
  const { api } = bench;
  const add = async (name: string, fields: object, labels: Record<string, string> = {}) => {
    const role = object(clusterRoles, name, { ...fields });
    await api.create(clusterRoles, { ...role, metadata: { ...role.metadata, labels } }, { signal });
    await bench.pass();
  };
  const selecting = (value: string) => ({
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: value } }] },
  });
  const resources = (name: string) =>
    api.peek<ClusterRole>(clusterRoles, name)?.rules?.flatMap((each) => each.resources ?? []);
  return { bench, api, add, selecting, resources };
}

test('rules are gathered by label, in the order of names, each once', async () => {
  const { add, selecting, resources } = await setup();
  await add('sum', { ...selecting('sum'), rules: [rule('written-by-hand')] });
  expect(resources('sum')).toEqual([]);
  await add('b', { rules: [rule('pods'), rule('events')] }, { to: 'sum' });
  await add('a', { rules: [rule('secrets'), rule('pods')] }, { to: 'sum' });
  await add('other', { rules: [rule('nodes')] }, { to: 'else' });
  expect(resources('sum')).toEqual(['secrets', 'pods', 'events']);
  expect(resources('other')).toEqual(['nodes']);
});

test('what is taken away or changed is taken away from the sum, also through a chain', async () => {
  const { bench, api, add, selecting, resources } = await setup();
  await add('top', selecting('top'));
  await add('sum', selecting('sum'), { to: 'top' });
  await add('a', { rules: [rule('pods')] }, { to: 'sum' });
  await add('b', { rules: [rule('events')] }, { to: 'sum' });
  expect(resources('top')).toEqual(['pods', 'events']);
  await bench.patch(clusterRoles, 'a', { metadata: { labels: { to: 'else' } } });
  await bench.pass();
  expect(resources('top')).toEqual(['events']);
  await api.delete(clusterRoles, { name: 'b' }, { signal });
  await bench.pass();
  expect([resources('sum'), resources('top')]).toEqual([[], []]);
});
