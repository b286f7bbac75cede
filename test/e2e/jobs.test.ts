/** Workloads that end, and the order between workloads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Workload, WorkloadSpec } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { containerOf, nameOf, onEtcd, restScript, Scene } from './scene.ts';
import { until } from './until.ts';

type Template = WorkloadSpec['template'];

function workloadOf(name: string, script: string, spec: Partial<WorkloadSpec>): Workload {
  const template: Template = {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      hostNetwork: true,
      restartPolicy: spec.type === undefined ? 'Always' : 'Never',
      containers: [containerOf(script)],
    },
  };
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template, ...spec },
  };
}

onEtcd('jobs', (plane) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await Scene.open(plane());
  });

  test('three runs must succeed; one fails once and is made good for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-job-'));
    const script = '[ -e /state/tried ] || { touch /state/tried; exit 3; }; echo done';
    const job = workloadOf('sum', script, { type: 'Job', completions: 3 });
    const container = {
      ...containerOf(script),
      volumeMounts: [{ name: 's', mountPath: '/state' }],
    };
    const volumes = [{ name: 's', hostPath: { path: directory } }];
    const { template } = job.spec;
    const spec = { ...template.spec, containers: [container], volumes };
    await scene.create(workloads, {
      ...job,
      spec: { ...job.spec, template: { ...template, spec } },
    });
    const { kubectl } = scene;
    await kubectl.ok('wait --for=condition=Complete workload/sum --timeout=120s');
    const { status } = await scene.workload('sum');
    expect(status).toMatchObject({ succeeded: 3, failed: 1, active: 0 });
    expect(status?.lastFailure).toContain('container main ended with exit code 3');
    expect(await kubectl.ok('get workload sum')).toContain('Complete 3/3');
    const runs = await scene.pods('app=sum');
    expect(runs).toHaveLength(4);
    const good = runs.find((pod) => pod.status?.phase === 'Succeeded');
    expect(await kubectl.ok(`logs ${good && nameOf(good)}`)).toBe('done\n');
    await scene.delete(workloads, 'sum');
    await until('its pods are gone', async () => (await scene.pods('app=sum')).length === 0);
    await rm(directory, { recursive: true });
  });

  test('a Cron is triggered by hand', async () => {
    const cron = workloadOf('tick', 'echo tock', { type: 'Cron', schedule: '@yearly' });
    await scene.create(workloads, cron);
    expect(await scene.berth('trigger', 'tick', '--name', 'tick-now')).toContain('created');
    await scene.berth('wait', '--for=condition=Complete', 'workload/tick-now', '--timeout', '90s');
    expect(await scene.berth('logs', 'workload/tick-now')).toBe('tock\n');
    await until('the Cron has seen it', async () => {
      const { status } = await scene.workload('tick');
      return status?.lastSuccessfulTime !== undefined && status.active === 0;
    });
    await scene.delete(workloads, 'tick');
    await scene.untilGone(workloads, 'tick-now');
  });

  test('db, then migrate, then web; and back', async () => {
    await scene.create(
      workloads,
      workloadOf('web', restScript, { dependsOn: [{ name: 'migrate', condition: 'Completed' }] }),
    );
    await scene.create(
      workloads,
      workloadOf('migrate', 'echo migrated', { type: 'Job', dependsOn: [{ name: 'db' }] }),
    );
    const { kubectl } = scene;
    await kubectl.ok('wait --for=condition=DependenciesMet=False workload/web --timeout=120s');
    expect(await scene.pods('app=web')).toEqual([]);
    await scene.create(workloads, workloadOf('db', restScript, {}));
    await kubectl.ok('wait --for=condition=Available workload/web --timeout=120s');
    const [db] = await scene.pods('app=db');
    const [migrate] = await scene.pods('app=migrate');
    const [web] = await scene.pods('app=web');
    const ended = migrate?.status?.containerStatuses?.[0]?.state?.terminated?.finishedAt ?? '';
    const ready = db?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    expect(Date.parse(migrate?.metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(
      Date.parse(ready ?? ''),
    );
    expect(Date.parse(web?.metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(
      Date.parse(ended),
    );
    await kubectl.ok('delete workload db migrate web --wait=false');
    await until('all are gone, web before db', async () => {
      const left = await scene.pods('app in (db,web)');
      const alive = left.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const has = (list: typeof left, name: string) =>
        list.some(({ metadata }) => metadata.labels?.['app'] === name);
      if (has(left, 'web')) expect(has(alive, 'db')).toBe(true);
      return left.length === 0;
    });
    for (const name of ['db', 'migrate', 'web']) await scene.untilGone(workloads, name);
    await until('no pod is left', async () => (await scene.pods('app=migrate')).length === 0);
  });
});
