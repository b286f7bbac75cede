import { expect, test } from 'vitest';
import { events } from '../../api/resources.gen.ts';
import { createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { runEventTtl } from './run.ts';

test('events go an hour after they last happened', async () => {
  const bench = createBench();
  const { api, clock } = bench;
  const { signal } = new AbortController();
  const at = (ms: number) => new Date(clock.now() + ms).toISOString();
  const add = (name: string, fields: Record<string, string>) =>
    api.create(events, object(events, `a/${name}`, fields), { signal });
  await add('old', { firstTimestamp: at(-9e6), lastTimestamp: at(-4e6) });
  await add('repeated', { firstTimestamp: at(-9e6), lastTimestamp: at(-1e6) });
  await add('new-api', { eventTime: at(-4e6) });
  await add('fresh', {});
  const names = () => api.all(events).map(({ metadata }) => metadata.name);
  bench.runTask(runEventTtl);
  await bench.pass(1_000);
  expect(names()).toEqual(['repeated', 'fresh']);
  await bench.pass(3_000_000);
  expect(names()).toEqual(['fresh']);
  await bench.pass(1_000_000);
  expect(names()).toEqual([]);
  await bench.stop();
});
