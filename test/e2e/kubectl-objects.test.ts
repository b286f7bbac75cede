/** The everyday kubectl on objects: making, looking at, changing and removing them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pods, workloads } from '../../api/resources.gen.ts';
import { kubectlBinary, kubectlOf, manifestText } from '../harness/kubectl.ts';
import { containerOf, nameOf, onEtcd, podOf, restScript, Scene, workloadOf } from './scene.ts';
import { until } from './until.ts';

const settings = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', ...metadata },
  data,
});

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  onEtcd('objects', (plane) => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await Scene.open(plane());
    });

    test('apply, scale, get and delete of a workload', async () => {
      const { kubectl } = scene;
      const web = workloadOf('web', { replicas: 2 }, restScript);
      expect(await kubectl.apply(web)).toBe('workload.berth.dev/web created\n');
      // To kubectl the defaults inside the list of containers look like a difference.
      expect(await kubectl.apply(web)).toMatch(
        /^workload.berth.dev\/web (unchanged|configured)\n$/,
      );
      expect(await kubectl.ok('get wl web -o jsonpath={.metadata.generation}')).toBe('1');
      await kubectl.ok('wait --for=condition=Available workload/web --timeout=120s');
      await kubectl.ok('wait --for=jsonpath={.status.readyReplicas}=2 wl/web --timeout=120s');
      const table = await kubectl.ok('get workloads');
      expect(rows(table)).toEqual([
        ['NAME', 'TYPE', 'DESIRED', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'STATUS', 'AGE'],
        ['web', 'Service', '2', '2', '2', '2', expect.stringMatching(/^\d+s$/)],
      ]);
      const [header, first] = rows(await kubectl.ok('get pods -l app=web -o wide'));
      expect(header?.slice(0, 7)).toEqual([
        'NAME',
        'READY',
        'STATUS',
        'RESTARTS',
        'AGE',
        'IP',
        'NODE',
      ]);
      expect(first?.slice(1, 4)).toEqual(['1/1', 'Running', '0']);
      expect(first?.[6]).toBe('node-1');
      expect(rows(await kubectl.ok('get wl web -o wide')).flat()).toContain('berth-test/busybox:1');
      expect(
        await kubectl.ok('get wl web -o jsonpath={.spec.replicas}/{.status.readyReplicas}'),
      ).toBe('2/2');
      expect(await kubectl.ok('get wl web -o yaml')).toContain('strategy: Spread');
      expect(await kubectl.ok('get all -o name')).toContain('workload.berth.dev/web\n');
      await kubectl.ok('scale workload/web --replicas=3 --current-replicas=2');
      expect((await kubectl('scale workload/web --replicas=9 --current-replicas=2')).code).toBe(1);
      await kubectl.ok('wait --for=jsonpath={.status.readyReplicas}=3 wl/web --timeout=120s');
      expect((await scene.pods()).length).toBe(3);
      await kubectl.ok('delete workload web --cascade=foreground');
      expect(await scene.pods()).toEqual([]);
      expect(await scene.containers()).toEqual([]);
      const gone = await kubectl('get workload web');
      expect(gone.code).toBe(1);
      expect(gone.stderr).toBe(
        'Error from server (NotFound): workloads.berth.dev "web" not found\n',
      );
    });

    test('delete --cascade=orphan leaves the pods, and a new workload takes them over', async () => {
      const { kubectl } = scene;
      const web = workloadOf('orphans', { replicas: 2 }, restScript);
      await kubectl.apply(web);
      const before = (await scene.untilReadyPods(2, 'app=orphans')).map(nameOf).sort();
      await kubectl.ok('delete workload orphans --cascade=orphan');
      const left = await scene.pods('app=orphans');
      expect(left.map(nameOf).sort()).toEqual(before);
      await until('nobody owns them', async () =>
        (await scene.pods('app=orphans')).every(
          ({ metadata }) => !metadata.ownerReferences?.length,
        ),
      );
      await kubectl.apply(web);
      await kubectl.ok('wait --for=condition=Available workload/orphans --timeout=120s');
      expect((await scene.pods('app=orphans')).map(nameOf).sort()).toEqual(before);
      await kubectl.ok('delete workload orphans');
      await kubectl.ok('wait --for=delete pod -l app=orphans --timeout=120s');
    });

    test('client-side apply merges with what others changed', async () => {
      const { kubectl } = scene;
      await kubectl.apply(settings({ a: '1', b: '2' }));
      await kubectl.ok(['patch', 'cm', 'settings', '-p', '{"data":{"c":"3"}}', '--type=merge']);
      expect(await kubectl.apply(settings({ a: '1x' }))).toBe('configmap/settings configured\n');
      expect(await dataOf(scene)).toEqual({ a: '1x', c: '3' });
    });

    test('server-side apply: conflicts, --force-conflicts, and fields that are given up', async () => {
      const { kubectl } = scene;
      const apply = (data: object, ...flags: readonly string[]) =>
        kubectl(['apply', '--server-side', '-f', '-', ...flags], {
          stdin: manifestText(settings(data, { name: 'shared' })),
        });
      const data = () => dataOf(scene, 'shared');
      expect((await apply({ a: '1', b: '1' }, '--field-manager=one')).stdout).toBe(
        'configmap/shared serverside-applied\n',
      );
      const refused = await apply({ a: '2' }, '--field-manager=two');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('conflict with "one": .data.a');
      expect(await data()).toEqual({ a: '1', b: '1' });
      const forced = await apply({ a: '2' }, '--field-manager=two', '--force-conflicts');
      expect(forced.code).toBe(0);
      expect(await data()).toEqual({ a: '2', b: '1' });
      expect((await apply({}, '--field-manager=one')).code).toBe(0);
      expect(await data()).toEqual({ a: '2' });
      const managed = await kubectl.ok('get cm shared -o yaml --show-managed-fields');
      expect(managed).toMatch(/manager: two\n\s+operation: Apply/);
    });

    test('diff tells what apply would do, and does nothing', async () => {
      const { kubectl } = scene;
      const before = settings({ a: '1' }, { name: 'compared' });
      const after = settings({ a: '2' }, { name: 'compared' });
      await kubectl.apply(before);
      const same = await kubectl('diff -f -', { stdin: manifestText(before) });
      expect([same.code, same.stdout]).toEqual([0, '']);
      const changed = { stdin: manifestText(after) };
      for (const flags of [['--server-side=false'], ['--server-side', '--force-conflicts']]) {
        const { code, stdout } = await kubectl(['diff', '-f', '-', ...flags], changed);
        expect(code).toBe(1);
        expect(stdout).toContain('-  a: "1"\n+  a: "2"\n');
      }
      expect(await dataOf(scene, 'compared')).toEqual({ a: '1' });
    });

    test('edit, patch, label and annotate', async () => {
      const { kubectl } = scene;
      await kubectl.apply(settings({ color: 'red' }, { name: 'edited' }));
      const env = { EDITOR: 'sed -i s/red/blue/' };
      expect(await kubectl.ok('edit cm edited', { env })).toBe('configmap/edited edited\n');
      expect(await dataOf(scene, 'edited')).toEqual({ color: 'blue' });
      await kubectl.ok([
        'patch',
        'cm',
        'edited',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/data/color","value":"blue"},{"op":"add","path":"/data/size","value":"1"}]',
      ]);
      await kubectl.ok(['patch', 'cm', 'edited', '--type=merge', '-p', '{"data":{"color":null}}']);
      expect(await dataOf(scene, 'edited')).toEqual({ size: '1' });
      const failed = await kubectl([
        'patch',
        'cm',
        'edited',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/data/size","value":"9"}]',
      ]);
      expect(failed.code).toBe(1);

      await kubectl.ok('label cm edited tier=front team=a');
      const refused = await kubectl('label cm edited tier=back');
      expect(refused.code).toBe(1);
      await kubectl.ok('label cm edited tier=back team- --overwrite');
      await kubectl.ok(['annotate', 'cm', 'edited', 'note=a b']);
      const { metadata } = JSON.parse(await kubectl.ok('get cm -l tier=back,!team -o json'))
        .items[0];
      expect(metadata.labels).toEqual({ tier: 'back' });
      expect(metadata.annotations.note).toBe('a b');
      expect(await kubectl.ok('get cm -l tier=front -o name')).toBe('');
    });

    test('strategic merge patch of a pod finds containers by name', async () => {
      const { kubectl } = scene;
      await scene.createPod('patched', {
        containers: [
          containerOf(restScript, { name: 'a' }),
          containerOf(restScript, { name: 'b' }),
        ],
      });
      const patch = { spec: { containers: [{ name: 'b', image: 'berth-test/absent:2' }] } };
      await kubectl.ok(['patch', 'pod', 'patched', '-p', JSON.stringify(patch)]);
      const images = await kubectl.ok('get pod patched -o jsonpath={.spec.containers[*].image}');
      expect(images).toBe('berth-test/busybox:1 berth-test/absent:2');
      await kubectl.ok('set image pod/patched b=berth-test/absent:3');
      await kubectl.ok('delete pod patched --wait=false');
      await scene.untilGone(pods, 'patched');
    });

    test('create of the small kinds, which travel as protobuf', async () => {
      const { kubectl } = scene;
      const file = join(plane().dataDir, 'some-file');
      writeFileSync(file, 'some text\n');
      await kubectl.ok([
        'create',
        'configmap',
        'made',
        '--from-literal=a=1',
        `--from-file=f=${file}`,
      ]);
      expect(await dataOf(scene, 'made')).toEqual({ a: '1', f: 'some text\n' });
      await kubectl.ok('create secret generic hidden --from-literal=p=word');
      expect(await kubectl.ok('get secret hidden -o jsonpath={.data.p}')).toBe('d29yZA==');
      expect(await kubectl.ok('describe secret hidden')).toContain('p:  4 bytes');
      await kubectl.ok('create serviceaccount robot');
      expect(await kubectl.ok('get sa robot -o name')).toBe('serviceaccount/robot\n');
      const ns = `${scene.namespace}-made`;
      await kubectl.ok(`create namespace ${ns}`);
      await kubectl.ok(`create configmap inside -n ${ns} --from-literal=a=1`);
      const twice = await kubectl(`create namespace ${ns}`);
      expect(twice.code).toBe(1);
      expect(twice.stderr).toContain('(AlreadyExists)');
      await kubectl.ok(`delete namespace ${ns} --timeout=120s`);
      expect((await kubectl(`get cm inside -n ${ns}`)).code).toBe(1);
    });

    test('generateName, and create of the same name twice', async () => {
      const { kubectl } = scene;
      const stdin = manifestText(settings({}, { name: undefined, generateName: 'made-' }));
      const names = new Set([
        await kubectl.ok('create -f - -o name', { stdin }),
        await kubectl.ok('create -f - -o name', { stdin }),
      ]);
      expect(names.size).toBe(2);
      for (const name of names) expect(name).toMatch(/^configmap\/made-[a-z0-9]{5}\n$/);
      const named = manifestText(settings({}, { name: 'once' }));
      await kubectl.ok('create -f -', { stdin: named });
      const again = await kubectl('create -f -', { stdin: named });
      expect(again.stderr).toContain('configmaps "once" already exists');
    });

    test('deleting a namespace ends what runs in it', async () => {
      const doomed = await Scene.open(plane());
      await doomed.createWorkload('web', { replicas: 2 });
      await doomed.untilReadyPods(2);
      await doomed.kubectl.ok(`delete namespace ${doomed.namespace} --timeout=120s`);
      expect(await doomed.containers()).toEqual([]);
      await expect(doomed.createPod('late', {})).rejects.toMatchObject({ reason: 'NotFound' });
    });

    test('explain, api-resources, api-versions and version', async () => {
      const { kubectl } = scene;
      const explained = await kubectl.ok('explain workload.spec.update');
      expect(explained).toContain('KIND:       Workload');
      expect(explained).toContain('VERSION:    v1');
      expect(explained).toMatch(/maxUnavailable\s+<\w+>\n\s+\S+ .*instances/);
      const recursive = await kubectl.ok('explain workload --recursive');
      expect(recursive).toMatch(/placement\s+<\w+>\n\s+gang\s+<\w+>/);
      expect(await kubectl.ok('explain pod.spec.containers')).toContain('Name of the container');
      const unknown = await kubectl('explain workload.spec.absent');
      expect(unknown.code).toBe(1);
      const resources = rows(await kubectl.ok('api-resources --no-headers'));
      expect(resources).toContainEqual(['workloads', 'wl', 'berth.dev/v1', 'true', 'Workload']);
      expect(resources).toContainEqual(['pods', 'po', 'v1', 'true', 'Pod']);
      expect(await kubectl.ok('api-versions')).toContain('berth.dev/v1\n');
      expect(await kubectl.ok('version')).toContain('+berth.');
    });

    test('describe of the kinds that kubectl knows, and of a workload', async () => {
      const { kubectl } = scene;
      await scene.createWorkload('told', { replicas: 1 });
      const [pod] = await scene.untilReadyPods(1, 'app=told');
      const told = await kubectl.ok(`describe pod ${pod && nameOf(pod)}`);
      expect(told).toMatch(/Controlled By:\s+Workload\/told/);
      expect(told).toMatch(/Status:\s+Running/);
      await until('the events are told', async () => {
        const text = await kubectl.ok(`describe pod ${pod && nameOf(pod)}`);
        return ['Scheduled', 'Created', 'Started'].every((reason) =>
          text.includes(`Normal  ${reason}`),
        );
      });
      const node = await kubectl.ok('describe node node-1');
      expect(node).toMatch(/Ready\s+True/);
      expect(node).toContain(pod && nameOf(pod));
      expect(await kubectl.ok('describe workload told')).toContain('SuccessfulCreate');
      expect(await kubectl.ok(`describe namespace ${scene.namespace}`)).toMatch(/Status:\s+Active/);
      const events = await kubectl.ok('events --for workload/told');
      expect(events).toContain(`Created pod: ${pod && nameOf(pod)}`);
      await scene.delete(workloads, 'told');
    });

    test('get -w tells every change of a pod', async () => {
      const { kubectl } = scene;
      const watching = kubectl.start(
        'get pods -w --output-watch-events --field-selector metadata.name=seen',
      );
      await scene.kubectl.apply(podOf('seen', {}));
      await until('it is running', () =>
        /MODIFIED\s+seen\s+1\/1\s+Running/.test(watching.stdout()),
      );
      await kubectl.ok('delete pod seen');
      await until('it is gone', () => /DELETED\s+seen/.test(watching.stdout()));
      expect(watching.stdout()).toMatch(/ADDED\s+seen\s+0\/1\s+Pending/);
      await watching.stop();
    });

    test('wait fails in time when nothing comes', async () => {
      const { kubectl } = scene;
      await kubectl.apply(podOf('never', { nodeSelector: { no: 'such' } }));
      const { code, stderr } = await kubectl('wait --for=condition=Ready pod/never --timeout=1s');
      expect(code).toBe(1);
      expect(stderr).toContain('timed out waiting for the condition on pods/never');
      await kubectl.ok('delete pod never --force --grace-period=0');
    });

    test('cordon, uncordon and taint', async () => {
      const { kubectl } = scene;
      await kubectl.ok('cordon node-1');
      expect(await kubectl.ok('get nodes')).toContain('Ready,SchedulingDisabled');
      await kubectl.ok('uncordon node-1');
      await kubectl.ok('taint node node-1 a=b:NoSchedule');
      expect(await kubectl.ok('get node node-1 -o jsonpath={.spec.taints[*].key}')).toBe('a');
      await kubectl.ok('taint node node-1 a-');
      expect(await kubectl.ok('get node node-1 -o jsonpath={.spec}')).not.toContain('taints');
    });

    test('a CustomResourceDefinition of the user and its objects', async () => {
      const { kubectl } = scene;
      const kind = `Ship${scene.namespace.slice(-5)}`;
      const plural = `${kind.toLowerCase()}s`;
      await kubectl.apply(shipDefinition(kind, plural));
      await kubectl.ok(`wait --for=condition=Established crd/${plural}.example.com --timeout=120s`);
      const ship = (spec: object) => ({
        apiVersion: 'example.com/v1',
        kind,
        metadata: { name: 'vasa' },
        spec,
      });
      await kubectl.apply(ship({ masts: 3 }));
      expect(rows(await kubectl.ok(`get ${plural}`))).toEqual([
        ['NAME', 'MASTS', 'HOME'],
        ['vasa', '3', 'Stockholm'],
      ]);
      const wrong = await kubectl('apply -f -', { stdin: manifestText(ship({ masts: 'many' })) });
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toContain('spec.masts');
      expect(await kubectl.ok(`explain ${plural}.spec.masts`)).toContain('How many masts she has.');
      await kubectl.ok(`scale ${plural}/vasa --replicas=5`);
      expect(await kubectl.ok(`get ${plural} vasa -o jsonpath={.spec.masts}`)).toBe('5');
      await kubectl.ok(`delete crd ${plural}.example.com --timeout=120s`);
      await until('the kind is gone', async () => (await kubectl(`get ${plural}`)).code === 1);
    });

    test('what is asked for and does not exist is told in a sentence', async () => {
      const kubectl = kubectlOf(plane(), { namespace: scene.namespace });
      const pod = await kubectl('get pod nobody');
      expect([pod.code, pod.stderr]).toEqual([
        1,
        'Error from server (NotFound): pods "nobody" not found\n',
      ]);
      const kind = await kubectl('get submarines');
      expect(kind.stderr).toContain('the server doesn\'t have a resource type "submarines"');
      const empty = await kubectl('get secrets -l no=such');
      expect(empty.stderr).toBe(`No resources found in ${scene.namespace} namespace.\n`);
    });
  });
});

async function dataOf(scene: Scene, name = 'settings'): Promise<unknown> {
  return JSON.parse(await scene.kubectl.ok(`get cm ${name} -o json`)).data;
}

function rows(table: string): readonly string[][] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
}

function shipDefinition(kind: string, plural: string) {
  const masts = { type: 'integer', minimum: 0, description: 'How many masts she has.' };
  const home = { type: 'string', default: 'Stockholm' };
  const spec = { type: 'object', properties: { masts, home }, required: ['masts'] };
  const status = { type: 'object', properties: { masts: { type: 'integer' } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind, plural },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          subresources: {
            scale: { specReplicasPath: '.spec.masts', statusReplicasPath: '.status.masts' },
          },
          additionalPrinterColumns: [
            { name: 'Masts', type: 'integer', jsonPath: '.spec.masts' },
            { name: 'Home', type: 'string', jsonPath: '.spec.home' },
          ],
        },
      ],
    },
  };
}
