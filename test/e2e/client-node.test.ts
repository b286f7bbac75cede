/** @kubernetes/client-node, which users' own programs speak to Berth with. */
import { PassThrough } from 'node:stream';
import {
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  makeInformer,
  type V1ConfigMap,
  type V1Status,
} from '@kubernetes/client-node';
import { beforeAll, expect, test } from 'vitest';
import { onEtcd, restScript, Scene, workloadOf } from './scene.ts';
import { until } from './until.ts';

onEtcd('client-node', (plane) => {
  let scene: Scene;
  let config: KubeConfig;

  beforeAll(async () => {
    scene = await Scene.open(plane());
    config = new KubeConfig();
    config.loadFromFile(plane().kubeconfig);
  });

  test('typed calls and an informer see every change', async () => {
    const { namespace } = scene;
    const core = config.makeApiClient(CoreV1Api);
    const seen: string[] = [];
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const list = () => core.listNamespacedConfigMap({ namespace });
    const informer = makeInformer<V1ConfigMap>(config, path, list);
    // The plane puts one of its own into each namespace.
    for (const verb of ['add', 'update', 'delete'] as const)
      informer.on(verb, ({ metadata }) => {
        if (metadata?.name === 'settings') seen.push(`${verb} ${metadata.name}`);
      });
    await informer.start();
    const body = { metadata: { name: 'settings' }, data: { a: '1' } };
    const created = await core.createNamespacedConfigMap({ namespace, body });
    const next = { ...created, data: { a: '2' } };
    await core.replaceNamespacedConfigMap({ namespace, name: 'settings', body: next });
    // The version that was replaced is not the current one any more.
    await expect(
      core.replaceNamespacedConfigMap({ namespace, name: 'settings', body: next }),
    ).rejects.toMatchObject({ code: 409 });
    await core.deleteNamespacedConfigMap({ namespace, name: 'settings' });
    await until('the deletion is seen', () => seen.includes('delete settings'));
    await informer.stop();
    expect(seen).toEqual(['add settings', 'update settings', 'delete settings']);
  });

  test('a Workload as a custom object, and exec into its pod', async () => {
    const { namespace } = scene;
    const objects = config.makeApiClient(CustomObjectsApi);
    const core = config.makeApiClient(CoreV1Api);
    const kind = { group: 'berth.dev', version: 'v1', namespace, plural: 'workloads' };
    const body = workloadOf('worker', { replicas: 1 }, restScript);
    await objects.createNamespacedCustomObject({ ...kind, body });
    const running = await until('its pod runs', async () => {
      const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app=worker' });
      return items.find((pod) => pod.status?.phase === 'Running');
    });
    const pod = running.metadata?.name ?? '';
    const [container] = running.spec?.containers ?? [];
    const out = new PassThrough();
    const said: string[] = [];
    out.on('data', (chunk) => said.push(String(chunk)));
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec(namespace, pod, container?.name ?? '', ['hostname'], out, out, null, false, resolve)
        .catch(reject);
    });
    expect([status.status, said.join('')]).toEqual(['Success', `${pod}\n`]);
    await objects.deleteNamespacedCustomObject({ ...kind, name: 'worker' });
  });
});
