import { expect, test } from 'vitest';
import type { Pod } from '../api/kinds.gen.ts';
import {
  configMaps,
  customResourceDefinitions,
  leases,
  namespaces,
  nodes,
  pods,
  serviceAccounts,
  workloads,
} from '../api/resources.gen.ts';
import type { Client } from '../client/client.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { seededRandom } from '../lib/random.ts';
import { FakeApi, object } from '../test/harness/fake-api.ts';
import { heldClient } from './held-client.ts';
import { runControllers } from './index.ts';

const signal = new AbortController().signal;

test('all controllers run under one lease, and the next process goes on', async () => {
  const clock = new FakeClock();
  const kinds = [
    configMaps,
    customResourceDefinitions,
    leases,
    namespaces,
    nodes,
    pods,
    serviceAccounts,
    workloads,
  ];
  const api = new FakeApi({ clock, random: seededRandom(3), kinds });
  const start = (identity: string) => {
    const stop = new AbortController();
    const done = runControllers({
      client: api,
      clock,
      random: seededRandom(4),
      log: silentLog,
      signal: stop.signal,
      identity,
    });
    return { done, stop: () => stop.abort(new Error('stop')) };
  };
  const settle = async (ms: number) => {
    for (let i = 0; i < 10; i += 1) await clock.advance(ms / 10);
  };
  const first = start('one');
  await settle(1_000);
  const second = start('two');
  await api.create(namespaces, object(namespaces, 'a'), { signal });
  const spec = {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c' }] } },
  };
  await api.create(workloads, object(workloads, 'a/web', { spec }), { signal });
  await settle(1_000);
  expect(api.all<Pod>(pods)).toHaveLength(2);
  expect(api.peek(serviceAccounts, 'a/default')).toBeDefined();
  first.stop();
  await settle(100);
  await first.done;
  const name = { namespace: 'a', name: 'web' };
  await api.delete(workloads, name, { propagationPolicy: 'Foreground', signal });
  await settle(20_000);
  expect(api.all(pods)).toHaveLength(0);
  expect(api.all(workloads)).toHaveLength(0);
  second.stop();
  await settle(100);
  await second.done;
  expect(api.openWatches).toBe(0);
});

test('a client whose lease is not held reads but does not write', async () => {
  const clock = new FakeClock();
  const api = new FakeApi({ clock, random: seededRandom(3) });
  let held = true;
  const client: Client = heldClient(api, () => held);
  await client.create(configMaps, object(configMaps, 'a/x'), { signal });
  held = false;
  const key = { namespace: 'a', name: 'x' };
  await expect(client.get(configMaps, key, { signal })).resolves.toBeDefined();
  await expect(client.delete(configMaps, key, { signal })).rejects.toMatchObject({ code: 503 });
  expect(api.all(configMaps)).toHaveLength(1);
});
