import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigMap } from '../../api/kinds.gen.ts';
import { configMaps, secrets } from '../../api/resources.gen.ts';
import { AgentHarness, container } from '../../test/harness/agent.ts';

const { signal } = new AbortController();
let harness: AgentHarness;
beforeEach(async () => {
  harness = await AgentHarness.make();
  harness.start();
});
afterEach(() => harness.clean());

const volumeMounts = [{ name: 'files', mountPath: '/etc/app' }];
const containers = [container('main', { volumeMounts })];

async function putMap(name: string, data: Record<string, string>, more: Partial<ConfigMap> = {}) {
  const metadata = { name, namespace: 'default' };
  const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data, ...more };
  await harness.api.create(configMaps, object, { signal });
}

const change = (name: string, data: Record<string, string>) =>
  harness.api.patch(configMaps, { namespace: 'default', name }, { data }, { signal });

function fileOf(pod: string, file: string): Promise<string | undefined> {
  const uid = harness.pod(pod)?.metadata.uid ?? '';
  const path = join(harness.dataDir, 'pods', uid, 'volumes', 'files', file);
  return readFile(path, 'utf8').catch(() => undefined);
}

test('a ConfigMap that changes', async () => {
  await putMap('conf', { a: '1' });
  await harness.createPod('web', {
    containers,
    volumes: [{ name: 'files', configMap: { name: 'conf', defaultMode: 0o400 } }],
  });
  await harness.untilRunning('web');
  await change('conf', { a: '2', b: '3' });
  await harness.until(async () => (await fileOf('web', 'b')) === '3');
  expect(await fileOf('web', 'a')).toBe('2');
  const uid = harness.pod('web')?.metadata.uid ?? '';
  const { mode } = await stat(join(harness.dataDir, 'pods', uid, 'volumes/files/b'));
  expect(mode & 0o777).toBe(0o400);
  expect(harness.pod('web')?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
});

test('an optional Secret that appears, in a projected volume', async () => {
  const secret = { name: 'late', optional: true, items: [{ key: 'k', path: 'dir/key' }] };
  await harness.createPod('web', {
    containers,
    volumes: [{ name: 'files', projected: { sources: [{ secret }] } }],
  });
  await harness.untilRunning('web');
  expect(await fileOf('web', 'dir/key')).toBeUndefined();
  const metadata = { name: 'late', namespace: 'default' };
  const data = { k: Buffer.from('hush').toString('base64') };
  await harness.api.create(
    secrets,
    { apiVersion: 'v1', kind: 'Secret', metadata, data },
    { signal },
  );
  await harness.until(async () => (await fileOf('web', 'dir/key')) === 'hush');
});

test('annotations of the pod itself', async () => {
  const items = [{ path: 'notes', fieldRef: { fieldPath: 'metadata.annotations' } }];
  await harness.createPod('web', {
    containers,
    volumes: [{ name: 'files', downwardAPI: { items } }],
  });
  await harness.untilRunning('web');
  await harness.annotate('web', { team: 'blue' });
  await harness.until(async () => (await fileOf('web', 'notes')) === 'team="blue"');
});

test('what is gone stays in the files, with an event, and follows again when it is back', async () => {
  await putMap('conf', { a: '1' });
  await harness.createPod('web', {
    containers,
    volumes: [{ name: 'files', configMap: { name: 'conf' } }],
  });
  await harness.untilRunning('web');
  await harness.api.delete(configMaps, { namespace: 'default', name: 'conf' }, { signal });
  await harness.until(() => harness.events('web').includes('FailedMount'));
  expect(await fileOf('web', 'a')).toBe('1');
  await putMap('conf', { a: '2' });
  await harness.until(async () => (await fileOf('web', 'a')) === '2');
});

test('what is immutable is never changed under who runs with it', async () => {
  await putMap('conf', { a: '1' }, { immutable: true });
  await putMap('other', { a: '1' });
  const volumes = (name: string) => [{ name: 'files', configMap: { name } }];
  await harness.createPod('web', { containers, volumes: volumes('conf') });
  await harness.createPod('witness', { containers, volumes: volumes('other') });
  await harness.untilRunning('web');
  await harness.untilRunning('witness');
  await harness.settle();
  await harness.api.delete(configMaps, { namespace: 'default', name: 'conf' }, { signal });
  await putMap('conf', { a: '2' });
  await change('other', { a: '2' });
  await harness.until(async () => (await fileOf('witness', 'a')) === '2');
  await harness.settle();
  expect(await fileOf('web', 'a')).toBe('1');
});
