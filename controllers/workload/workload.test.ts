import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pods, workloads } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { benches, image, isLive, isReady, name, setup } from '../../test/harness/workload-scene.ts';

const signal = new AbortController().signal;

test('makes pods under its control, with names that depend on the slot only', async () => {
  const { bench, api, all, workload } = await setup();
  const names = all().map(name);
  expect(names).toHaveLength(3);
  for (const pod of all()) {
    expect(name(pod)).toMatch(/^web-[a-z0-9]{8}-[a-z0-9]{5}$/);
    expect(pod.spec.runtimeClassName).toBe('docker');
    expect(pod.metadata.labels).toMatchObject({ app: 'web', 'berth.dev/workload': 'web' });
    expect(pod.metadata.ownerReferences).toMatchObject([
      {
        kind: 'Workload',
        uid: workload().metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  }
  for (const pod of all()) {
    await api.delete(pods, { namespace: 'a', name: name(pod) }, { signal });
  }
  await bench.pass();
  expect(all().map(name)).toEqual(names);
});

test('status counts and conditions follow the pods', async () => {
  const { condition, workload, settleAll } = await setup();
  expect(workload().status).toMatchObject({
    desiredReplicas: 3,
    replicas: 3,
    updatedReplicas: 3,
    selector: 'app=web',
  });
  expect(workload().status?.readyReplicas).toBe(0);
  expect(condition('Available')).toMatchObject({ status: 'False' });
  await settleAll(1);
  expect(workload().status).toMatchObject({
    observedGeneration: 1,
    readyReplicas: 3,
    availableReplicas: 3,
  });
  expect(condition('Available')).toMatchObject({ status: 'True', observedGeneration: 1 });
  expect(condition('Progressing')).toMatchObject({ reason: 'RolledOut' });
});

test('a stale cache makes no second pod', async () => {
  const { bench, api, all, set } = await setup();
  api.pauseDelivery();
  await bench.patch(workloads, 'a/web', { spec: { replicas: 5 } });
  await bench.pass();
  api.resumeDelivery();
  await bench.pass();
  expect(all()).toHaveLength(5);
  await set({ replicas: 0 });
  expect(all()).toHaveLength(0);
});

test('once many find no node, no more are made until they do', async () => {
  const { bench, all, set, condition } = await setup({ replicas: 700 });
  await bench.pass();
  const unplaced = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }];
  for (const pod of all()) {
    await bench.patch(pods, `a/${name(pod)}`, { status: { conditions: unplaced } }, 'status');
  }
  await set({ replicas: 2_000_000_000 });
  expect(all()).toHaveLength(700);
  expect(condition('ReplicaFailure')).toMatchObject({
    reason: 'TooManyUnplaced',
    message: '700 instances find no node; no more are made until they do.',
  });
  for (const pod of all().slice(0, 300)) {
    await bench.patch(pods, `a/${name(pod)}`, { spec: { nodeName: 'n1' } });
  }
  await set({ replicas: 750 });
  expect(all()).toHaveLength(750);
  expect(condition('ReplicaFailure')).toBeUndefined();
});

test('a stale cache makes no second delete', async () => {
  const { bench, api, all, set } = await setup({ replicas: 4 });
  for (const pod of all()) await bench.patch(pods, `a/${name(pod)}`, { spec: { nodeName: 'n1' } });
  await bench.pass();
  api.calls.length = 0;
  // Watches of workloads go on, those of pods do not.
  api.hold(pods);
  await set({ replicas: 3 });
  await set({ replicas: 2 });
  api.hold(undefined);
  await bench.pass();
  const deleted = api.calls.filter(({ verb }) => verb === 'delete').map(({ key }) => key);
  expect(deleted).toHaveLength(2);
  expect(new Set(deleted).size).toBe(2);
  expect(all().filter(isLive)).toHaveLength(2);
});

test('scales down what can best be spared', async () => {
  const { all, set, report } = await setup({ replicas: 4 });
  const [first, second] = all();
  await report(first!, true);
  await report(second!, false);
  await set({ replicas: 2 });
  expect(all().map(name)).toEqual([name(first!), name(second!)]);
  await set({ replicas: 1 });
  expect(all().filter(isLive).map(name)).toEqual([name(first!)]);
});

test('stops and starts without replacing anything', async () => {
  const { bench, all, set, setImage, settleAll, condition } = await setup();
  await settleAll(1);
  const uids = all().map((pod) => pod.metadata.uid);
  await set({ running: false });
  expect(all().map((pod) => pod.metadata.annotations?.['berth.dev/running'])).toEqual([
    'false',
    'false',
    'false',
  ]);
  await setImage('nginx:2');
  await bench.pass(1_000);
  expect(condition('Available')).toMatchObject({ status: 'False', reason: 'Stopped' });
  expect(all().map((pod) => pod.metadata.uid)).toEqual(uids);
  await setImage('nginx:1');
  await set({ running: true });
  expect(all().map((pod) => pod.metadata.annotations?.['berth.dev/running'])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(all().map((pod) => pod.metadata.uid)).toEqual(uids);
});

test('an update rolls through, and a bad one stops half way', async () => {
  const { bench, all, setImage, settleAll, condition } = await setup();
  await settleAll(1);
  await setImage('bad');
  await bench.pass(60_000);
  expect(all().filter((pod) => image(pod) === 'nginx:1' && isReady(pod))).toHaveLength(3);
  expect(all().filter((pod) => image(pod) === 'bad')).toHaveLength(1);
  expect(condition('Progressing')).toMatchObject({ reason: 'RollingOut' });
  await setImage('nginx:2');
  await settleAll();
  expect(all().map(image)).toEqual(['nginx:2', 'nginx:2', 'nginx:2']);
  expect(condition('Progressing')).toMatchObject({ reason: 'RolledOut' });
});

test('numbered instances keep their names and are replaced one by one from the top', async () => {
  const { all, set, setImage, bench, finish, report, settleAll } = await setup({
    identity: 'Stable',
  });
  expect(all().map(name)).toEqual(['web-0', 'web-1', 'web-2']);
  expect(all()[2]?.metadata.labels?.['berth.dev/ordinal']).toBe('2');
  expect(all()[2]?.spec.hostname).toBe('web-2');
  await settleAll(1);
  await setImage('nginx:2');
  expect(
    all()
      .filter((pod) => !isLive(pod))
      .map(name),
  ).toEqual(['web-2']);
  await finish(all()[2]!);
  await bench.pass();
  expect(all().map(image)).toEqual(['nginx:1', 'nginx:1', 'nginx:2']);
  expect(all().every(isLive)).toBe(true);
  await report(all()[2]!, true);
  await bench.pass();
  expect(
    all()
      .filter((pod) => !isLive(pod))
      .map(name),
  ).toEqual(['web-1']);
  await settleAll();
  expect(all().map(image)).toEqual(['nginx:2', 'nginx:2', 'nginx:2']);
  await set({ replicas: 1 });
  await settleAll(2);
  expect(all().map(name)).toEqual(['web-0']);
});

test('pods that end are replaced, ever more slowly', async () => {
  const { bench, all } = await setup({ replicas: 1 });
  const made = new Set<string>();
  const fail = async () => {
    for (const pod of all()) {
      made.add(pod.metadata.uid ?? '');
      const status = { phase: 'Failed', reason: 'Evicted' };
      await bench.patch(pods, `a/${name(pod)}`, { status }, 'status');
    }
  };
  for (let second = 0; second < 300; second += 1) {
    await fail();
    await bench.pass(1_000);
  }
  // At 0, 10, 30, 70, 150 seconds, and the first one.
  expect(made.size).toBeGreaterThanOrEqual(5);
  expect(made.size).toBeLessThanOrEqual(7);
});

test('counts per node for Each and Fill', async () => {
  const placement = { strategy: 'Each', perNode: 2, nodes: 3 };
  const { all } = await setup({ placement });
  expect(all()).toHaveLength(6);
});

test('refuses a selector that does not match its template', async () => {
  const { all, condition, set } = await setup({ selector: { matchLabels: { app: 'other' } } });
  expect(all()).toHaveLength(0);
  expect(condition('Stalled')).toMatchObject({
    status: 'True',
    reason: 'SelectorDoesNotMatchTemplate',
  });
  await set({ selector: { matchLabels: { app: 'web' } } });
  expect(all()).toHaveLength(3);
  expect(condition('Stalled')).toBeUndefined();
});

test('adopts orphans that it made, releases what no longer matches', async () => {
  const { bench, all, workload } = await setup({ replicas: 2 });
  const [first, second] = all();
  await bench.patch(pods, `a/${name(first!)}`, { metadata: { ownerReferences: null } });
  await bench.pass();
  expect(all()).toHaveLength(2);
  expect(all()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(workload().metadata.uid);
  await bench.patch(pods, `a/${name(second!)}`, { metadata: { labels: { app: 'mine' } } });
  await bench.pass();
  expect(all()).toHaveLength(3);
  const released = all().find((pod) => name(pod) === name(second!));
  expect(released?.metadata.ownerReferences).toEqual([]);
});

test('says when the server refuses its pods, and goes on when it does not', async () => {
  const { bench, api, all, set, condition } = await setup({ replicas: 0 });
  api.before = ({ verb, resource }) => {
    if (verb === 'create' && resource.resource === 'pods') {
      throw new StatusError(403, 'Forbidden', 'exceeded quota');
    }
  };
  await set({ replicas: 3 });
  expect(condition('ReplicaFailure')).toMatchObject({ status: 'True', message: 'exceeded quota' });
  // One try a pass, not three; the new condition makes a second pass.
  const tries = api.calls.filter((c) => c.verb === 'create' && c.resource.resource === 'pods');
  expect(tries.length).toBeLessThanOrEqual(2);
  api.before = () => {};
  await bench.pass(11_000);
  expect(all()).toHaveLength(3);
  expect(condition('ReplicaFailure')).toBeUndefined();
});

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('ready' as const), at: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('unready' as const), at: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('image' as const), at: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lag' as const), at: fc.constant(0) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

test.each(['Ephemeral', 'Stable'])(
  'rolling updates (%s) never take more than allowed, and arrive',
  async (identity) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 3 }),
        steps,
        async (replicas, maxSurge, unavailable, script) => {
          const update = { maxSurge, maxUnavailable: unavailable };
          const world = await setup({ replicas, update, identity });
          const { bench, api, all, setImage, report, finish, settleAll } = world;
          const surge = identity === 'Stable' ? 0 : maxSurge;
          const allowed = surge === 0 ? Math.max(unavailable, 1) : unavailable;
          await settleAll(2);
          let byTest = false;
          let readyBefore = new Set<string>();
          const violations: string[] = [];
          api.before = ({ verb, resource, key }) => {
            if (byTest || resource.resource !== 'pods') return;
            const live = all().filter(isLive);
            if (verb === 'create' && live.length + 1 > replicas + surge) {
              violations.push(`too many at create of ${key}`);
            }
            readyBefore = new Set(live.filter(isReady).map((pod) => `a/${name(pod)}`));
          };
          // Refused deletes, of pods that have changed meanwhile, do no harm.
          api.afterDelete = (resource, key) => {
            if (byTest || resource.resource !== 'pods' || !readyBefore.has(key)) return;
            const left = all().filter(isReady).length;
            if (left < replicas - allowed) violations.push(`${left} left at delete of ${key}`);
          };
          const act = async (action: () => Promise<unknown>) => {
            byTest = true;
            await action();
            byTest = false;
          };
          for (const { do: what, at } of script) {
            const present = all();
            const pod = present[at % Math.max(present.length, 1)];
            if (what === 'image') await setImage(`nginx:${at + 1}`);
            else if (what === 'lag') api.pauseDelivery();
            else if (pod !== undefined) {
              if (what === 'finish' && !isLive(pod)) await act(() => finish(pod));
              if (what === 'ready' && isLive(pod)) await act(() => report(pod, true));
              // Only what the controller has seen can be held against it.
              if (what === 'unready' || what === 'lose') {
                api.resumeDelivery();
                await bench.pass();
                if (what === 'unready' && isLive(pod)) await act(() => report(pod, false));
                if (what === 'lose') await act(() => finish(pod));
              }
            }
            await bench.pass(50);
          }
          api.resumeDelivery();
          expect(violations).toEqual([]);
          const wanted = world.workload().spec.template.spec.containers[0]?.image;
          byTest = true;
          await settleAll(40);
          expect(all().filter(isReady).map(image)).toEqual(Array(replicas).fill(wanted));
          expect(all()).toHaveLength(replicas);
          await bench.stop();
          benches.pop();
        },
      ),
      { numRuns: 40 },
    );
  },
  120_000,
);
