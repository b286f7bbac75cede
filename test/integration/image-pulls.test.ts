/** Pulls from a registry of our own, by the real engine. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { pods, secrets } from '../../api/resources.gen.ts';
import { DockerAgent } from '../harness/docker-agent.ts';
import { object } from '../harness/fake-api.ts';
import { TestRegistry } from '../harness/registry.ts';

const signal = new AbortController().signal;
let agent: DockerAgent;
let registry: TestRegistry;

beforeEach(async () => {
  registry = await TestRegistry.start();
  agent = await DockerAgent.start();
});
afterEach(async () => {
  await agent.clean();
  await registry.stop();
});

const waiting = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state?.waiting;
/** The image holds no program: who gets so far has it. */
const isPulled = (pod: Pod) =>
  pod.status?.containerStatuses?.[0]?.lastState?.terminated?.reason === 'ContainerCannotRun' ||
  pod.status?.containerStatuses?.[0]?.state?.terminated?.reason === 'ContainerCannotRun';
const create = (name: string, image: string, pullSecrets: readonly string[] = []) =>
  agent.createPod(name, {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image, command: ['/none'] }],
    imagePullSecrets: pullSecrets.map((each) => ({ name: each })),
  });

async function createSecret(name: string, password: string): Promise<void> {
  const auth = Buffer.from(password).toString('base64');
  const text = JSON.stringify({ auths: { [registry.host]: { auth } } });
  const data = { '.dockerconfigjson': Buffer.from(text).toString('base64') };
  const type = 'kubernetes.io/dockerconfigjson';
  await agent.api.create(secrets, object(secrets, `default/${name}`, { type, data }), { signal });
}

test('a registry that wants a password gets it from the Secrets of the pod', async () => {
  registry.password = 'me:right';
  const image = registry.add({ user: '1000' });
  await create('nobody', image);
  const refused = await agent.untilPod('nobody', (p) => waiting(p)?.reason === 'ImagePullBackOff');
  expect(waiting(refused)?.message).toMatch(/^Back-off pulling image .*ErrImagePull: .*/);
  await agent.until(() =>
    agent.events('nobody').includes('Warning Failed Error: ImagePullBackOff'),
  );
  expect(agent.events('nobody').join('\n')).toMatch(
    /Normal Pulling Pulling image .*\nWarning Failed Failed to pull image .*\nWarning Failed Error: ErrImagePull\nNormal BackOff Back-off pulling image/,
  );
  expect(registry.requests).toEqual([]);

  await createSecret('wrong', 'me:wrong');
  await createSecret('right', 'me:right');
  await create('me', image, ['absent', 'wrong', 'right']);
  await agent.untilPod('me', isPulled);
  const events = await agent.until(() => {
    const text = agent.events('me').join('\n');
    return text.includes('Pulled') ? text : undefined;
  });
  expect(events).toMatch(/FailedToRetrieveImagePullSecret Unable to retrieve .* \(absent\)/);
  expect(events).toMatch(
    /Pulled Successfully pulled image "127.* in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\./,
  );
  expect(JSON.stringify(agent.api.all(pods)) + events).not.toContain('me:right');
  expect((await agent.runtime.imageInfo(image, { signal }))?.user).toBe('1000');
});

test('two pods share one pull, which ends with the last of them', async () => {
  registry.held = true;
  const image = registry.add({ layerBytes: 4_000_000 });
  await create('one', image);
  await create('two', image);
  await agent.until(() => registry.sending === 1);
  const told = await agent.untilPod('one', (p) => / of /.test(waiting(p)?.message ?? ''));
  expect(waiting(told)).toEqual({
    reason: 'ContainerCreating',
    message: expect.stringMatching(/^Pulling image "127.*": [\d.]+ MB of 4\.0 MB$/),
  });
  const remove = (name: string) =>
    agent.api.delete(pods, { namespace: 'default', name }, { signal, gracePeriodSeconds: 1 });
  await remove('one');
  await agent.until(() => agent.pod('one') === undefined);
  expect(registry.sending).toBe(1);
  await remove('two');
  await agent.until(() => agent.pod('two') === undefined);
  // The engine (20.10) hears of it when the registry sends on.
  registry.release();
  await agent.until(() => registry.sending === 0);
  expect(await agent.runtime.imageInfo(image, { signal })).toBeUndefined();
  const layers = registry.requests.filter(
    (each) => each.startsWith('GET') && each.includes('/blobs/'),
  );
  expect(new Set(layers).size).toBe(layers.length);

  // What was given up is no obstacle.
  await create('three', image);
  await agent.untilPod('three', isPulled);
});

test('what a registry does wrong is told in its words', async () => {
  registry.failures = 100;
  await create('broken', registry.add());
  await agent.untilPod('broken', (p) => waiting(p)?.reason === 'ImagePullBackOff');
  await agent.until(() =>
    /Failed to pull image .*out of order|500/.test(agent.events('broken').join()),
  );
  registry.failures = 0;
  await create('absent', `${registry.host}/absent:1`);
  const absent = await agent.untilPod('absent', (p) => waiting(p)?.reason === 'ImagePullBackOff');
  expect(waiting(absent)?.message).toMatch(/manifest unknown|not found/);
});
