/** Init containers that stay, as the users of a whole agent see them; the engine and the clock are fakes. */
import { afterEach, expect, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../api/kinds.gen.ts';
import { aborted, type FakeProcess } from '../runtime/fake/process.ts';
import { AgentHarness, container, readyOf } from '../test/harness/agent.ts';

let h: AgentHarness;
/** What the probe of the proxy answers with. */
let probe: number;
/** Names of containers in the order in which they ended. */
let ended: string[];

async function begin(): Promise<void> {
  probe = 1;
  ended = [];
  const programs = {
    up: async () => probe,
    clean: async ({ term, container: { name } }: FakeProcess) => {
      await aborted(term);
      ended.push(name);
      return 0;
    },
  };
  h = await AgentHarness.make({ programs });
  h.start();
}

afterEach(async () => {
  await h.clean();
});

const sidecar = (name: string, more: Partial<Container> = {}) =>
  container(name, { restartPolicy: 'Always', command: ['clean'], ...more });

async function create(spec: Partial<PodSpec>): Promise<string> {
  return (await h.createPod('web', spec)).metadata.uid ?? '';
}

const init = (pod: Pod | undefined, at = 0) => pod?.status?.initContainerStatuses?.[at];
const names = async (uid: string) =>
  (await h.instance(uid))?.containers.map(({ name }) => name) ?? [];

test('what comes after it begins once it has started, and both make the pod ready', async () => {
  await begin();
  const startupProbe = { exec: { command: ['up'] }, periodSeconds: 1, failureThreshold: 100 };
  const uid = await create({
    initContainers: [sidecar('proxy', { startupProbe }), container('migrate')],
  });
  await h.untilPod('web', (pod) => init(pod)?.state?.running !== undefined);
  await h.clock.advance(5_000);
  await h.settle();
  expect(await names(uid)).toEqual(['proxy']);
  expect(init(h.pod('web'))).toMatchObject({ started: false, ready: false });
  expect(h.pod('web')?.status?.phase).toBe('Pending');
  probe = 0;
  await h.clock.advance(1_000);
  await h.until(async () => (await names(uid)).includes('migrate'));
  expect(await names(uid)).toEqual(['proxy', 'migrate']);
  await h.engine.exit(uid, 'migrate', 0);
  const pod = await h.untilRunning('web');
  expect(pod.status?.phase).toBe('Running');
  expect(init(pod)).toMatchObject({ started: true, ready: true, restartCount: 0 });
});

test('it is restarted whatever the pod says, and the others go on', async () => {
  await begin();
  const uid = await create({ restartPolicy: 'Never', initContainers: [sidecar('proxy')] });
  await h.untilRunning('web');
  await h.engine.exit(uid, 'proxy', 0);
  const unready = await h.untilPod(
    'web',
    (pod) => readyOf(pod) === 'False' || init(pod)?.restartCount === 1,
  );
  expect(unready.status?.phase).toBe('Running');
  await h.clock.advance(15_000);
  const pod = await h.untilPod('web', (p) => init(p)?.restartCount === 1 && readyOf(p) === 'True');
  expect(pod.status?.containerStatuses?.[0]?.restartCount).toBe(0);
});

test('it ends when the others have ended for good, and does not hold up the end of the pod', async () => {
  await begin();
  const uid = await create({ restartPolicy: 'Never', initContainers: [sidecar('proxy')] });
  await h.untilRunning('web');
  await h.engine.exit(uid, 'main', 0);
  const pod = await h.untilPod('web', ({ status }) => status?.phase === 'Succeeded');
  expect(init(pod)?.state?.terminated?.exitCode).toBe(0);
  expect(ended).toEqual(['proxy']);
  await h.clock.advance(60_000);
  await h.settle();
  expect(init(h.pod('web'))?.restartCount).toBe(0);
});

test('a pod that is deleted ends its own containers first, then its sidecars, the last one first', async () => {
  await begin();
  await create({
    initContainers: [sidecar('proxy'), sidecar('log')],
    containers: [container('main', { command: ['clean'] })],
  });
  await h.untilRunning('web');
  await h.deletePod('web');
  await h.until(() => h.pod('web') === undefined);
  expect(ended).toEqual(['main', 'log', 'proxy']);
});

test('its end is forced when the grace period is over', async () => {
  await begin();
  await create({
    terminationGracePeriodSeconds: 5,
    initContainers: [sidecar('proxy')],
    containers: [container('main', { command: ['deaf'] })],
  });
  h.engine.programs['deaf'] = async ({ killed }) => {
    await aborted(killed);
    ended.push('main');
    return 137;
  };
  await h.untilRunning('web');
  await h.deletePod('web');
  await h.settle();
  await h.clock.advance(30_000);
  await h.until(() => h.pod('web') === undefined);
  expect(ended[0]).toBe('main');
});
