import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentHarness, container } from '../../test/harness/agent.ts';

let harness: AgentHarness;
beforeEach(async () => {
  harness = await AgentHarness.make();
  harness.start();
});
afterEach(() => harness.clean());

const limited = (name: string) =>
  container(name, { resources: { limits: { 'ephemeral-storage': '1Mi' } } });

test('a container beyond its limit ends its pod for good; one within it, or without one, stays', async () => {
  await harness.createPod('greedy', { containers: [limited('hog')] });
  await harness.createPod('modest', { containers: [limited('fair')] });
  await harness.createPod('free', { containers: [container('unbound')] });
  for (const name of ['greedy', 'modest', 'free']) await harness.untilRunning(name);
  harness.engine.written.set('hog', 2 << 20);
  harness.engine.written.set('fair', 1 << 20);
  harness.engine.written.set('unbound', 1 << 30);
  const evicted = harness.untilPod('greedy', ({ status }) => status?.phase === 'Failed');
  await harness.clock.advance(10_000);
  const { status } = await evicted;
  expect(status).toMatchObject({
    reason: 'Evicted',
    message: 'Container hog exceeded its local ephemeral storage limit "1Mi": 2Mi are used.',
  });
  expect(harness.events('greedy')).toContain('Evicted');
  await harness.clock.advance(20_000);
  await harness.settle();
  for (const name of ['modest', 'free']) expect(harness.pod(name)?.status?.phase).toBe('Running');
  const { uid } = harness.pod('greedy')!.metadata;
  const instance = await harness.instance(uid);
  expect(instance?.containers.map(({ state }) => state.phase)).toEqual(['exited']);
});
