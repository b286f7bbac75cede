/** `kubectl debug` and `kubectl cp`, as people use them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { busyboxImage } from '../harness/images.ts';
import { type Kubectl, kubectlBinary, kubectlOf } from '../harness/kubectl.ts';
import { containerOf, onEmbedded, restScript, Scene } from './scene.ts';
import { until } from './until.ts';

onEmbedded('looking into pods', (plane) => {
  describe.skipIf(kubectlBinary === undefined)('with kubectl', () => {
    let scene: Scene;
    let kubectl: Kubectl;

    beforeAll(async () => {
      scene = await Scene.open(plane());
      kubectl = kubectlOf(plane(), { namespace: scene.namespace });
      await scene.createPod('app', { containers: [containerOf(`sleep 4321 & ${restScript}`)] });
      await scene.untilReady('app');
    });

    test('debug: a container beside the one that runs', async () => {
      const image = `--image=${busyboxImage}`;
      const target = await kubectl.ok('get pod app -o jsonpath={.spec.containers[0].name}');
      const id = 'jsonpath={.status.containerStatuses[0].containerID}';
      const before = await kubectl.ok(['get', 'pod', 'app', '-o', id]);
      const script = 'ps | grep -c "[s]leep 4321$"; hostname';
      const debug = ['debug', 'app', image, '-c', 'look', `--target=${target}`, '--attach=false'];
      await kubectl.ok([...debug, '--profile=general', '--', '/bin/sh', '-c', script]);
      const pod = await until('it has ended', async () => {
        const found = JSON.parse(await kubectl.ok('get pod app -o json')) as Pod;
        const status = found.status?.ephemeralContainerStatuses?.[0];
        return status?.state?.terminated === undefined ? undefined : found;
      });
      expect(pod.status?.phase).toBe('Running');
      expect(pod.status?.ephemeralContainerStatuses?.[0]).toMatchObject({
        name: 'look',
        restartCount: 0,
        state: { terminated: { exitCode: 0, reason: 'Completed' } },
      });
      expect(await kubectl.ok('logs app -c look')).toMatch(/^1\napp\n$/);
      expect(await kubectl.ok(['get', 'pod', 'app', '-o', id])).toBe(before);
      // Its input stays open when kubectl goes, as with a kubelet: it has to end by itself.
      const again = ['debug', 'app', image, '-i', '-c', 'ask', '--', 'head', '-n', '1'];
      const asked = await kubectl(again, { stdin: 'hello\n' });
      expect(asked.stdout).toBe('hello\n');
    });

    test('debug: a copy that shares its processes', async () => {
      const args = ['debug', 'app', `--image=${busyboxImage}`, '-c', 'look', '--attach=false'];
      const copy = ['--copy-to=app-copy', '--share-processes', '--', '/bin/sh', '-c', restScript];
      await kubectl.ok([...args, ...copy]);
      await scene.untilReady('app-copy');
      const { stdout } = await kubectl('exec app-copy -c look -- ps');
      expect(stdout).toContain('sleep 4321');
    });

    test('cp: both ways, twenty megabytes', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'berth-cp-'));
      try {
        const bytes = randomBytes(20 << 20);
        writeFileSync(join(folder, 'up'), bytes);
        await kubectl.ok(['cp', join(folder, 'up'), 'app:/tmp/big']);
        const md5 = createHash('md5').update(bytes).digest('hex');
        expect(await kubectl.ok('exec app -- md5sum /tmp/big')).toContain(md5);
        await kubectl.ok(['cp', 'app:/tmp/big', join(folder, 'down')]);
        expect(readFileSync(join(folder, 'down')).equals(bytes)).toBe(true);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
});
