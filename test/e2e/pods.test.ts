/** What a pod may ask for, each seen from inside the container or from the machine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ConfigMap, Pod, PodSpec, Secret } from '../../api/kinds.gen.ts';
import { configMaps, pods, secrets } from '../../api/resources.gen.ts';
import {
  configMapOf,
  containerOf,
  isReady,
  nameOf,
  onEtcd,
  restartsOf,
  restScript,
  Scene,
} from './scene.ts';
import { until } from './until.ts';

onEtcd('pods', (plane) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await Scene.open(plane());
    const file = { 'app.conf': 'mode=fast\n', word: 'from the map' };
    await scene.create<ConfigMap>(configMaps, configMapOf('settings', file));
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' } } as const;
    await scene.create<Secret>(secrets, { ...secret, stringData: { password: 'sesame' } });
  });

  /** Runs a pod of one container to its end, and answers what it printed. */
  const outputOf = async (name: string, spec: Partial<PodSpec>): Promise<string> => {
    await scene.createPod(name, { restartPolicy: 'Never', ...spec });
    await scene.untilPod(name, 'has ended', ({ status }) =>
      /Succeeded|Failed/.test(status?.phase ?? ''),
    );
    return await scene.logs(name);
  };

  describe.concurrent('what is inside', () => {
    test('containers of a pod share localhost, and a directory', async () => {
      const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
      const asking = `until wget -qO- http://127.0.0.1:8080/ >/shared/answer; do sleep 0.1; done; ${restScript}`;
      await scene.createPod('sharing', {
        volumes: [{ name: 'shared', emptyDir: {} }],
        containers: [
          containerOf('echo hello >/tmp/index.html; exec httpd -f -p 8080 -h /tmp', {
            name: 'server',
          }),
          containerOf(asking, { name: 'asker', ...mount }),
          containerOf(restScript, { name: 'reader', ...mount }),
        ],
      });
      await scene.untilReady('sharing');
      const read = await until('the answer is in the shared directory', async () => {
        const words = ['exec', '-n', scene.namespace, '-c', 'reader', 'sharing', '--'];
        const { stdout } = await scene.plane.berth([...words, 'cat', '/shared/answer']);
        return stdout === '' ? undefined : stdout;
      });
      expect(read).toBe('hello\n');
    });

    test('environment from values, ConfigMap, Secret and the pod itself', async () => {
      const configMapRef = { name: 'settings' };
      const said = await outputOf('environment', {
        containers: [
          containerOf('echo "$PLAIN|$WORD|$PASSWORD|$NAME|$NODE|$P_word|$MILLI"', {
            resources: { limits: { cpu: '300m' } },
            envFrom: [{ prefix: 'P_', configMapRef }],
            env: [
              { name: 'WHO', value: 'you' },
              { name: 'PLAIN', value: 'hello $(WHO)' },
              { name: 'WORD', valueFrom: { configMapKeyRef: { name: 'settings', key: 'word' } } },
              { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              {
                name: 'MILLI',
                valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } },
              },
            ],
          }),
        ],
      });
      expect(said).toBe('hello you|from the map|sesame|environment|node-1|from the map|300\n');
    });

    test('files from ConfigMap and Secret', async () => {
      const said = await outputOf('files', {
        volumes: [
          { name: 'settings', configMap: { name: 'settings' } },
          {
            name: 'keys',
            secret: {
              secretName: 'keys',
              defaultMode: 0o400,
              items: [{ key: 'password', path: 'a/b' }],
            },
          },
        ],
        containers: [
          containerOf('cat /etc/settings/app.conf /etc/keys/a/b; stat -L -c %a /etc/keys/a/b', {
            volumeMounts: [
              { name: 'settings', mountPath: '/etc/settings' },
              { name: 'keys', mountPath: '/etc/keys', readOnly: true },
            ],
          }),
        ],
      });
      expect(said.replace('sesame', 'sesame\n')).toBe('mode=fast\nsesame\n400\n');
    });

    test('a directory of the machine', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'berth-e2e-host-'));
      try {
        writeFileSync(join(directory, 'in'), 'from outside');
        const said = await outputOf('host-path', {
          volumes: [{ name: 'host', hostPath: { path: directory, type: 'Directory' } }],
          containers: [
            containerOf('cat /host/in; echo -n from inside >/host/out', {
              volumeMounts: [{ name: 'host', mountPath: '/host' }],
            }),
          ],
        });
        expect(said).toBe('from outside');
        expect(readFileSync(join(directory, 'out'), 'utf8')).toBe('from inside');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('user and working directory', async () => {
      const said = await outputOf('user', {
        securityContext: { runAsUser: 1234, runAsGroup: 2345 },
        containers: [containerOf('echo "$(id -u) $(id -g) $PWD"', { workingDir: '/tmp' })],
      });
      expect(said).toBe('1234 2345 /tmp\n');
    });

    test('init containers run first, one after the other', async () => {
      const volumeMounts = [{ name: 'work', mountPath: '/desk' }];
      const said = await outputOf('init', {
        volumes: [{ name: 'work', emptyDir: {} }],
        initContainers: [
          containerOf('sleep 0.3; echo one >>/desk/list', { name: 'first', volumeMounts }),
          containerOf('echo two >>/desk/list', { name: 'second', volumeMounts }),
        ],
        containers: [containerOf('echo three >>/desk/list; cat /desk/list', { volumeMounts })],
      });
      expect(said).toBe('one\ntwo\nthree\n');
    });

    test('a failing init container keeps the rest from starting', async () => {
      await scene.createPod('bad-init', {
        restartPolicy: 'Never',
        initContainers: [containerOf('exit 4', { name: 'first' })],
      });
      const pod = await scene.untilPod(
        'bad-init',
        'has failed',
        ({ status }) => status?.phase === 'Failed',
      );
      expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(4);
      expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
      const made = (await scene.containers()).filter(
        ({ Labels }) =>
          Labels['berth.dev/name'] === 'bad-init' && Labels['berth.dev/container'] === 'main',
      );
      expect(made).toEqual([]);
    });
  });

  describe.concurrent('how it ends', () => {
    test('exit codes and phases', async () => {
      await Promise.all([
        outputOf('good', { containers: [containerOf('exit 0')] }),
        outputOf('bad', { containers: [containerOf('exit 7')] }),
      ]);
      const [good, bad] = await Promise.all(['good', 'bad'].map((name) => scene.pod(name)));
      expect(good?.status?.phase).toBe('Succeeded');
      expect(terminated(good)).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(bad?.status?.phase).toBe('Failed');
      expect(terminated(bad)).toMatchObject({ exitCode: 7, reason: 'Error' });
      expect(bad && restartsOf(bad)).toBe(0);
    });

    test('more memory than allowed: OOMKilled', async () => {
      await scene.createPod('hungry', {
        restartPolicy: 'Never',
        containers: [
          // tail keeps all it reads until it has seen the end.
          containerOf('exec tail /dev/zero', { resources: { limits: { memory: '16Mi' } } }),
        ],
      });
      const pod = await scene.untilPod(
        'hungry',
        'has failed',
        ({ status }) => status?.phase === 'Failed',
      );
      expect(terminated(pod)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    });

    test('a container that fails again and again: CrashLoopBackOff, and the last run is told', async () => {
      await scene.createPod('crash', { containers: [containerOf('echo attempt; exit 3')] });
      const pod = await scene.untilPod(
        'crash',
        'is in back-off',
        ({ status }) =>
          status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
      );
      expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
        exitCode: 3,
      });
      expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/back-off \d+s/);
      expect(isReady(pod)).toBe(false);
      await until('an event says so', async () =>
        (await scene.events('crash')).some(
          ({ reason, type }) => reason === 'BackOff' && type === 'Warning',
        ),
      );
    });

    test('OnFailure restarts what failed, and leaves what succeeded', async () => {
      const volumeMounts = [{ name: 'memory', mountPath: '/memory' }];
      await scene.createPod('retry', {
        restartPolicy: 'OnFailure',
        volumes: [{ name: 'memory', emptyDir: {} }],
        containers: [
          containerOf('[ -e /memory/seen ] && exit 0; touch /memory/seen; exit 1', {
            volumeMounts,
          }),
        ],
      });
      const pod = await scene.untilPod(
        'retry',
        'succeeded',
        ({ status }) => status?.phase === 'Succeeded',
      );
      expect(restartsOf(pod)).toBe(1);
    });

    test('the grace period: SIGTERM is heard, and only who ignores it is killed', async () => {
      await scene.createPod('polite', {
        terminationGracePeriodSeconds: 90,
        containers: [
          containerOf('trap "sleep 0.3; exit 0" TERM; while :; do sleep 60 & wait $!; done'),
        ],
      });
      await scene.createPod('deaf', {
        containers: [containerOf('trap "" TERM; while :; do sleep 0.2; done')],
      });
      await Promise.all(['polite', 'deaf'].map((name) => scene.untilReady(name)));
      const endOf = async (name: string) => {
        const startedMs = Date.now();
        await scene.delete(pods, name);
        expect((await scene.pod(name)).metadata.deletionTimestamp).toBeDefined();
        await scene.untilGone(pods, name);
        return Date.now() - startedMs;
      };
      const [polite, deaf] = await Promise.all([endOf('polite'), endOf('deaf')]);
      expect(polite).toBeGreaterThan(250);
      expect(polite).toBeLessThan(80_000);
      // Its grace period is one second.
      expect(deaf).toBeGreaterThan(950);
    });
  });

  describe.concurrent('what keeps it from starting', () => {
    test('an image that is not here and must not be pulled', async () => {
      await scene.createPod('never-pull', {
        containers: [containerOf('', { image: 'berth-test/absent:1', imagePullPolicy: 'Never' })],
      });
      const pod = await untilWaiting(scene, 'never-pull', 'ErrImageNeverPull');
      expect(waiting(pod)?.message).toContain('berth-test/absent:1');
    });

    test('an image that cannot be pulled, with the words of the engine', async () => {
      const image = 'localhost:1/nobody/nothing:1';
      await scene.createPod('no-pull', { containers: [containerOf('', { image })] });
      const reasons = new Set<string>();
      const pod = await scene.untilPod('no-pull', 'is in back-off', (each) => {
        const { reason = '' } = waiting(each) ?? {};
        reasons.add(reason);
        return reason === 'ImagePullBackOff';
      });
      expect(waiting(pod)?.message).toContain(image);
      const told = await until('an event tells why', async () => {
        const all = await scene.events('no-pull');
        return all.find(
          ({ reason, message }) => reason === 'Failed' && message?.includes('refused'),
        );
      });
      expect(told.message).toContain(image);
    });

    test('a ConfigMap that is missing, until somebody makes it', async () => {
      const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }];
      await scene.createPod('waits', { containers: [containerOf(restScript, { env })] });
      const pod = await untilWaiting(scene, 'waits', 'CreateContainerConfigError');
      expect(waiting(pod)?.message).toBe('configmap "later" not found');
      await scene.create<ConfigMap>(configMaps, configMapOf('later', { a: 'now' }));
      await scene.untilReady('waits');
      expect((await scene.exec('waits', 'sh', '-c', 'echo $A')).stdout).toBe('now\n');
    });

    test('a program that is not in the image', async () => {
      await scene.createPod('no-program', {
        restartPolicy: 'Never',
        containers: [containerOf('', { command: ['/no/such/program'] })],
      });
      const pod = await scene.untilPod('no-program', 'tells why', (each) =>
        JSON.stringify(each.status?.containerStatuses ?? '').includes('/no/such/program'),
      );
      expect(isReady(pod)).toBe(false);
      expect(nameOf(pod)).toBe('no-program');
    });
  });
});

function untilWaiting(scene: Scene, name: string, reason: string): Promise<Pod> {
  return scene.untilPod(
    name,
    `waits because of ${reason}`,
    (pod) => waiting(pod)?.reason === reason,
  );
}

function waiting(pod: Pod) {
  return pod.status?.containerStatuses?.[0]?.state?.waiting;
}

function terminated(pod: Pod | undefined) {
  return pod?.status?.containerStatuses?.[0]?.state?.terminated;
}
