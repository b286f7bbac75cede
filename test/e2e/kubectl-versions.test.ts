/** A short walk with every kubectl that is here. */
import { beforeAll, describe, expect, test } from 'vitest';
import { kubectlBinary, kubectlOf, kubectls } from '../harness/kubectl.ts';
import { onEmbedded, restScript, Scene, workloadOf } from './scene.ts';

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  onEmbedded('every version', (plane) => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await Scene.open(plane());
    });

    test.each(kubectls)('$version', async (binary) => {
      const kubectl = kubectlOf(plane(), { namespace: scene.namespace, binary });
      const name = `web-${binary.version.replace('.', '-')}`;
      await kubectl.apply(workloadOf(name, { replicas: 1 }, restScript));
      await kubectl.ok(`create configmap ${name} --from-literal=a=1`);
      await kubectl.ok(`wait --for=condition=Available workload/${name} --timeout=120s`);
      await kubectl.ok(`scale workload/${name} --replicas=2`);
      await kubectl.ok(
        `wait --for=jsonpath={.status.readyReplicas}=2 workload/${name} --timeout=120s`,
      );
      const [pod = ''] = (await kubectl.ok(`get pods -l app=${name} -o name`)).split('\n');
      expect(await kubectl.ok(`exec ${pod} -- echo hi`)).toBe('hi\n');
      expect(await kubectl.ok(`logs ${pod}`)).toBe('');
      expect(await kubectl.ok(`describe ${pod}`)).toContain('Status:');
      await kubectl.ok(`label workload ${name} a=b`);
      expect(await kubectl.ok('explain workload.spec.replicas')).toContain('FIELD: replicas');
      const wrong = await kubectl(`label workload ${name} a=c`);
      expect(wrong.code).toBe(1);
      await kubectl.ok(`delete workload,configmap ${name} --cascade=foreground`);
      expect(await scene.pods(`app=${name}`)).toEqual([]);
    });
  });
});
