/** What a node tells about itself and its pods, and what it does with them by itself. */
import { beforeAll, describe, expect, test } from 'vitest';
import { kubectlBinary } from '../harness/kubectl.ts';
import { containerOf, onEtcd, restScript, Scene } from './scene.ts';
import { until } from './until.ts';

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  onEtcd('about nodes', (plane) => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await Scene.open(plane());
    });

    test('top tells what pods and nodes use', async () => {
      const { kubectl } = scene;
      const limits = { cpu: '200m' };
      await scene.createPod('burner', {
        containers: [
          containerOf('while :; do :; done', { name: 'hot', resources: { limits } }),
          containerOf(restScript, { name: 'cold' }),
        ],
        terminationGracePeriodSeconds: 0,
      });
      await scene.untilReady('burner');
      const cpuOf = (line = '') => Number(/ (\d+)m /.exec(line)?.[1]);
      const lines = await until('the burner was measured', async () => {
        const { code, stdout } = await kubectl('top pods burner --containers --no-headers');
        return code === 0 ? stdout.trim().split('\n') : undefined;
      });
      const [hot, cold] = ['hot', 'cold'].map((name) => lines.find((each) => each.includes(name)));
      expect(cpuOf(hot)).toBeGreaterThan(20);
      expect(cpuOf(hot)).toBeGreaterThan(cpuOf(cold));
      expect(cpuOf(cold)).toBeLessThan(50);
      const all = await kubectl.ok('top pods --sum');
      expect(all).toMatch(/^NAME +CPU\(cores\) +MEMORY\(bytes\)/);
      expect(all).toMatch(/^burner +\d+m +\d+Mi/m);
      expect((await kubectl('top pods -l no=such')).stdout).not.toContain('burner');
      expect(await kubectl.ok('top nodes --no-headers')).toMatch(/^\S+ +\d+m +\d+% +\d+Mi +\d+%/);
      const gone = await kubectl('top pod nobody');
      expect(gone.stderr).toContain('/nobody" not found');
    });

    test('files of a ConfigMap follow it while the container runs, subPath does not', async () => {
      const { kubectl } = scene;
      await kubectl.ok('create configmap conf --from-literal=a=1 --from-literal=b=1');
      await scene.createPod('reader', {
        containers: [
          containerOf(restScript, {
            volumeMounts: [
              { name: 'conf', mountPath: '/conf' },
              { name: 'conf', mountPath: '/fixed', subPath: 'a' },
              { name: 'self', mountPath: '/self' },
            ],
          }),
        ],
        volumes: [
          { name: 'conf', configMap: { name: 'conf' } },
          {
            name: 'self',
            downwardAPI: {
              items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }],
            },
          },
        ],
      });
      await scene.untilReady('reader');
      const read = (path: string) => kubectl.ok(`exec reader -- cat ${path}`);
      const before = await kubectl.ok('get pod reader -o jsonpath={.status.containerStatuses}');
      expect(await read('/conf/a')).toBe('1');
      await kubectl.ok(['patch', 'configmap', 'conf', '-p', '{"data":{"a":"2","c":"new"}}']);
      await until('the new file is there', async () => (await read('/conf/c')) === 'new');
      expect(await read('/conf/..data/a')).toBe('2');
      expect(await read('/fixed')).toBe('1');
      await kubectl.ok('label pod reader team=blue');
      await until('the label is in the file', async () =>
        (await read('/self/labels')).includes('team="blue"'),
      );
      const after = await kubectl.ok('get pod reader -o jsonpath={.status.containerStatuses}');
      expect(after).toBe(before);
    });

    test('images are listed with who uses them, and not removed under them', async () => {
      await scene.createPod('user', { containers: [containerOf(restScript)] });
      await scene.untilReady('user');
      const berth = (line: string) => plane().berth(['image', ...line.split(' ')]);
      const { stdout } = await berth('list');
      expect(stdout).toMatch(/^NODE +REPOSITORY +TAG +IMAGE ID +SIZE +CONTAINERS/);
      expect(stdout).toMatch(/ berth-test\/busybox +1 +[0-9a-f]{12} +\S+MB +[1-9]/);
      const refused = await berth('remove berth-test/busybox:1');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/"berth-test\/busybox:1" is used by .*berth_/);
      const pulled = await berth('pull no.such.invalid/app:1');
      expect(pulled.code).toBe(1);
      expect(pulled.stderr).toContain('no.such.invalid');
      // The node says so with its next status.
      const names = () => scene.kubectl.ok('get nodes -o jsonpath={.items[*].status.images}');
      await until('the node tells of it', async () =>
        (await names()).includes('berth-test/busybox:1'),
      );
    });

    test('who exceeds its own storage limit is evicted, and nobody else', async () => {
      const { kubectl } = scene;
      const volumeMounts = [{ name: 'data', mountPath: '/data' }];
      const writer = (sizeLimit: string) => ({
        containers: [
          containerOf(`dd if=/dev/zero of=/data/x bs=1M count=4; ${restScript}`, { volumeMounts }),
        ],
        volumes: [{ name: 'data', emptyDir: { sizeLimit } }],
      });
      await scene.createPod('modest', writer('64Mi'));
      await scene.createPod('greedy', writer('1Mi'));
      const what = '{.status.phase} {.status.reason} {.status.message}';
      const said = await until('the greedy one is evicted', async () => {
        const text = await kubectl.ok(['get', 'pod', 'greedy', '-o', `jsonpath=${what}`]);
        return text.startsWith('Failed') ? text : undefined;
      });
      expect(said).toMatch(
        /^Failed Evicted Usage of EmptyDir volume "data" exceeds the limit "1Mi": /,
      );
      await until('an event says so', async () =>
        (await kubectl.ok('get events')).includes('Evicted'),
      );
      expect(await kubectl.ok('get pod modest')).toContain('Running');
    });
  });
});
