/** Volumes as a user has them: the example, kubectl and real containers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import { pods, volumes } from '../../api/resources.gen.ts';
import { kubectlBinary } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { onEmbedded, Scene } from './scene.ts';
import { until } from './until.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const manifest = (file: string, folder = 'volumes') =>
  readFileSync(join(examples, folder, file), 'utf8');

onEmbedded('volumes', (plane) => {
  beforeAll(async () => {
    await runCommand(process.execPath, [join(examples, 'images', 'build.mjs')]);
  });

  const lines = async (scene: Scene, pod: string, file: string) => {
    const { stdout } = await scene.exec(pod, 'cat', file);
    return stdout.trim().split('\n').length;
  };

  test.skipIf(kubectlBinary === undefined)(
    'one instance at a time uses it; it is deleted when nobody does',
    async () => {
      const scene = await Scene.open(plane());
      await scene.kubectl.apply(manifest('volume.yaml'));
      const first = await scene.untilReady('notes');
      const { spec } = first;
      const { runtimeClassName: _, nodeName: __, ...same } = spec;
      await scene.createPod('second', same);
      const waits = await scene.untilPod('second', 'waits and says for what', ({ status }) =>
        (status?.conditions ?? []).some(({ message = '' }) => message.includes('notes')),
      );
      expect(waits.status?.conditions?.[0]?.message).toBe(
        'volume "notes" is held by Pod "notes": one at a time uses it',
      );
      const [row = ''] = (await scene.kubectl.ok('get vol --no-headers')).split('\n');
      expect(row.trim().split(/\s+/).slice(0, -1)).toEqual([
        'notes',
        'local',
        '32Mi',
        'Ready',
        first.spec.nodeName,
        'notes',
      ]);
      await scene.delete(pods, 'notes');
      await scene.untilReady('second');
      await until('it has what the first wrote', async () => {
        return (await lines(scene, 'second', '/notes/starts')) === 2;
      });
      await scene.kubectl.apply(manifest('snapshot.yaml', 'snapshot'));
      await scene.untilReady('notes-reader');
      expect(await lines(scene, 'notes-reader', '/notes/starts')).toBe(2);
      const [taken = ''] = (await scene.kubectl.ok('get vs --no-headers')).split('\n');
      expect(taken.trim().split(/\s+/).slice(0, 5)).toEqual([
        'notes-before',
        'notes',
        'Ready',
        '32Mi',
        first.spec.nodeName,
      ]);
      await scene.kubectl.ok('delete vs notes-before');
      await scene.delete(pods, 'notes-reader');
      await scene.kubectl.ok('delete vol notes-copy');
      await scene.delete(volumes, 'notes');
      const held = await scene.get<Volume>(volumes, 'notes');
      expect(held.metadata.finalizers).toContain('berth.dev/volume-protection');
      await scene.delete(pods, 'second');
      await scene.untilGone(volumes, 'notes');
    },
  );

  test.skipIf(kubectlBinary === undefined)(
    'every instance of a workload has one, which stays and grows',
    async () => {
      const scene = await Scene.open(plane());
      await scene.kubectl.apply(manifest('workload.yaml'));
      await scene.untilReadyPods(2);
      await scene.kubectl.apply(
        manifest('workload.yaml').replace('32Mi', '48Mi').replace('replicas: 2', 'replicas: 1'),
      );
      await scene.untilGone(pods, 'diary-1');
      const known = () => scene.get<Volume>(volumes, 'data-diary-1');
      await until('it has no holder', async () => (await known()).status?.holder === undefined);
      await until('it has grown', async () => {
        return (await scene.get<Volume>(volumes, 'data-diary-0')).spec.size === '48Mi';
      });
      await scene.kubectl.ok('scale workload diary --replicas=2');
      const again = await scene.untilPod('diary-1', 'runs again', isReady);
      expect(again.spec.nodeName).toBe((await known()).spec.nodeName);
      expect(await lines(scene, 'diary-1', '/data/starts')).toBe(2);
      await scene.kubectl.ok('delete workload diary');
      await scene.untilNoPods();
      expect((await known()).status?.phase).toBe('Ready');
      await scene.kubectl.ok('delete vol --all');
    },
  );
});

function isReady({ status }: Pod): boolean {
  return (status?.conditions ?? []).some((each) => each.type === 'Ready' && each.status === 'True');
}
