import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import type { ContainerSpec } from '../../runtime/runtime.ts';
import { UsageSampler } from './sampler.ts';

const { signal } = new AbortController();
const main: ContainerSpec = {
  name: 'main',
  attempt: 0,
  image: 'app:1',
  env: {},
  tty: false,
  stdin: false,
  privileged: false,
  readOnlyRootFilesystem: false,
  ports: [],
  mounts: [],
  limits: {},
};

async function scene() {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock, images: ['app:1'] });
  const runtime = engine.runtime('n');
  const spec = {
    id: 'u1',
    namespace: 'a',
    name: 'web',
    hostname: 'web',
    network: 'bridge',
  } as const;
  const start = (attempt = 0) =>
    runtime.ensure({ ...spec, containers: [{ ...main, attempt }] }, { signal });
  await start();
  let samples = 0;
  const sampler = new UsageSampler({
    nodeName: 'n',
    runtimes: [runtime],
    clock,
    signal,
    readNode: async () => {
      samples += 1;
      return { cpuNanos: BigInt(samples) * 500_000_000n, workingSetBytes: 5n, availableBytes: 7n };
    },
  });
  const use = (cpuNanos: bigint) => engine.usage.set('main', { cpuNanos, workingSetBytes: 42n });
  return { clock, sampler, use, start, taken: () => samples };
}

test('the first asker waits a second for a window; the next ones get the same answer', async () => {
  const { clock, sampler, use, taken } = await scene();
  use(1_000_000_000n);
  const first = sampler.summary();
  const second = sampler.summary();
  await clock.advance(0);
  use(1_250_000_000n);
  await clock.advance(1_000);
  const { node, pods } = await first;
  expect(node.cpu).toMatchObject({ usageNanoCores: 500_000_000, windowSeconds: 1 });
  expect(node.memory).toMatchObject({ workingSetBytes: 5, availableBytes: 7 });
  expect(pods).toMatchObject([
    {
      podRef: { name: 'web', namespace: 'a', uid: 'u1' },
      containers: [
        { name: 'main', cpu: { usageNanoCores: 250_000_000 }, memory: { workingSetBytes: 42 } },
      ],
    },
  ]);
  expect(await second).toEqual(await first);
  await clock.advance(9_000);
  expect(await sampler.summary()).toEqual(await first);
  expect(taken()).toBe(2);
});

test('who asks again within the window measures against the last sample', async () => {
  const { clock, sampler, use } = await scene();
  use(0n);
  const first = sampler.summary();
  await clock.advance(1_000);
  await first;
  await clock.advance(15_000);
  use(30_000_000_000n);
  const { pods } = await sampler.summary();
  expect(pods[0]?.containers[0]?.cpu).toMatchObject({
    usageNanoCores: 2_000_000_000,
    windowSeconds: 15,
  });
});

test('a container that started anew has no rate until it was seen twice', async () => {
  const { clock, sampler, use, start } = await scene();
  use(9_000_000_000n);
  const first = sampler.summary();
  await clock.advance(1_000);
  await first;
  await start(1);
  use(0n);
  await clock.advance(15_000);
  const { pods } = await sampler.summary();
  expect(pods[0]?.containers[0]?.cpu).not.toHaveProperty('usageNanoCores');
});
