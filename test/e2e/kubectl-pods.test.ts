/** kubectl inside pods: logs, exec, events. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { kubectlBinary } from '../harness/kubectl.ts';
import { runCommand } from '../harness/run-command.ts';
import { containerOf, onEmbedded, restartsOf, restScript, Scene } from './scene.ts';
import { until } from './until.ts';

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  onEmbedded('inside pods', (plane) => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await Scene.open(plane());
      const counter = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done';
      await scene.createPod('talker', { containers: [containerOf(counter)] });
      await scene.createPod('pair', {
        containers: [
          containerOf(`echo from one; ${restScript}`, { name: 'one' }),
          containerOf(`echo from two; echo oops >&2; ${restScript}`, { name: 'two' }),
        ],
      });
      await Promise.all(['talker', 'pair'].map((name) => scene.untilReady(name)));
    });

    test('a pod acts as its ServiceAccount, with the token and the authority that are in it', async () => {
      const { kubectl, namespace } = scene;
      await kubectl.ok('create serviceaccount robot');
      await kubectl.ok('create role reader --verb=get,list --resource=pods');
      const subject = `--serviceaccount=${namespace}:robot`;
      await kubectl.ok(`create rolebinding robot --role=reader ${subject}`);
      await scene.createPod('acting', {
        serviceAccountName: 'robot',
        containers: [containerOf(restScript)],
      });
      await scene.untilReady('acting');
      const at = '/var/run/secrets/kubernetes.io/serviceaccount';
      const inside = (...words: string[]) => kubectl.ok(['exec', 'acting', '--', ...words]);
      expect(await inside('cat', `${at}/namespace`)).toBe(namespace);
      const ca = join(scene.plane.dataDir, 'pod-ca.crt');
      writeFileSync(ca, await inside('cat', `${at}/ca.crt`));
      const address = 'echo https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT';
      const server = (await inside('sh', '-c', address)).trim();
      const as = (token: string, ...words: string[]) =>
        kubectl(
          [...words, `--server=${server}`, `--certificate-authority=${ca}`, '--token', token],
          {
            env: { KUBECONFIG: '/dev/null' },
          },
        );
      const token = await inside('cat', `${at}/token`);
      const me = await as(token, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo}');
      expect(JSON.parse(me.stdout)).toMatchObject({
        username: `system:serviceaccount:${namespace}:robot`,
        extra: {
          'authentication.kubernetes.io/pod-name': ['acting'],
          'authentication.kubernetes.io/node-name': ['node-1'],
        },
      });
      expect((await as(token, 'get', 'pod', 'acting', '-o', 'name')).stdout).toBe('pod/acting\n');
      expect((await as(token, 'get', 'secrets')).stderr).toContain(
        'cannot list resource "secrets"',
      );
      const other = (await kubectl.ok('create token robot --duration 10m')).trim();
      expect((await as(other, 'auth', 'can-i', 'list', 'pods')).stdout).toBe('yes\n');
      await kubectl.ok('delete pod acting --grace-period=0 --force');
      expect((await as(token, 'get', 'pods')).stderr).toContain('of the token is gone');
    });

    test('logs: all, the last lines, what is new, and as it comes', async () => {
      const { kubectl } = scene;
      const follower = kubectl.start('logs -f talker');
      await until('three lines came', () => follower.stdout().includes('line 3\n'));
      const seen = follower.stdout();
      expect(seen).toMatch(/^line 1\nline 2\n/);
      await until('it goes on', () => follower.stdout().length > seen.length + 10);
      await follower.stop();
      const tail = (await kubectl.ok('logs talker --tail=2')).trim().split('\n');
      expect(tail).toHaveLength(2);
      const all = (await kubectl.ok('logs talker')).trim().split('\n');
      expect(all[0]).toBe('line 1');
      expect(all.map((line) => Number(line.slice(5)))).toEqual(all.map((_, i) => i + 1));
      await until('line 1 is older than a second', async () => {
        const fresh = await kubectl.ok('logs talker --since=1s');
        return fresh !== '' && !fresh.includes('line 1\n');
      });
      const stamped = await kubectl.ok('logs talker --timestamps --tail=1');
      expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d+\n$/);
      expect(await kubectl.ok('logs talker --limit-bytes=6 --tail=-1')).toBe('line 1');
    });

    test('logs of one of several containers, and of all', async () => {
      const { kubectl } = scene;
      expect(await kubectl.ok('logs pair -c one')).toBe('from one\n');
      const two = await kubectl.ok('logs pair -c two');
      expect(two.split('\n').sort()).toEqual(['', 'from two', 'oops']);
      const both = await kubectl.ok('logs pair --all-containers --prefix');
      expect(both).toContain('[pod/pair/one] from one');
      const wrong = await kubectl('logs pair -c three');
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toContain('container three is not valid for pod pair');
    });

    test('logs -f ends with the container; logs -p tells the run before', async () => {
      const { kubectl } = scene;
      const script =
        'if [ -e /memory/ran ]; then echo second; else touch /memory/ran; echo first; exit 1; fi; ';
      await scene.createPod('twice', {
        volumes: [{ name: 'memory', emptyDir: {} }],
        containers: [
          containerOf(script + restScript, {
            volumeMounts: [{ name: 'memory', mountPath: '/memory' }],
          }),
        ],
      });
      await scene.untilPod('twice', 'was restarted', (pod) => restartsOf(pod) === 1);
      await until('the second run speaks', async () => {
        return (await kubectl.ok('logs twice')) === 'second\n';
      });
      expect(await kubectl.ok('logs twice -p')).toBe('first\n');
      const none = await kubectl('logs talker -p');
      expect(none.code).toBe(1);
      expect(none.stderr).toContain(
        'previous terminated container "main" in pod "talker" not found',
      );
      await scene.createPod('short', {
        restartPolicy: 'Never',
        containers: [containerOf('echo a; sleep 0.5; echo b')],
      });
      await scene.untilPod('short', 'has started', ({ status }) => status?.phase !== 'Pending');
      expect(await kubectl.ok('logs -f short')).toBe('a\nb\n');
    });

    test('exec: output, exit code, standard input and error', async () => {
      const { kubectl } = scene;
      expect(await kubectl.ok('exec talker -- echo hello')).toBe('hello\n');
      const failed = await kubectl([
        'exec',
        'talker',
        '--',
        'sh',
        '-c',
        'echo out; echo err >&2; exit 7',
      ]);
      expect(failed.code).toBe(7);
      expect(failed.stdout).toBe('out\n');
      expect(failed.stderr).toBe('err\ncommand terminated with exit code 7\n');
      const big = 'x'.repeat(300_000);
      expect(await kubectl.ok('exec -i talker -- cat', { stdin: big })).toBe(big);
      expect(await kubectl.ok(['exec', 'pair', '-c', 'two', '--', 'hostname'])).toBe('pair\n');
      const absent = await kubectl('exec talker -- no-such-program');
      expect([126, 127]).toContain(absent.code);
      // Some engines say it as the program's own output.
      expect(absent.stdout + absent.stderr).toContain('no-such-program');
      const noPod = await kubectl('exec nobody -- true');
      expect(noPod.stderr).toContain('pods "nobody" not found');
    });

    test('exec -it has a terminal of the size of ours', async () => {
      // The size comes a moment after the program has started.
      const size = 'until stty size 2>/dev/null | grep [1-9]; do sleep 0.05; done';
      const inside = `${size}; test -t 0 && test -t 1 && echo a terminal; exit 3`;
      const words = [
        ...scene.kubectl.command,
        'exec',
        '-it',
        'talker',
        '--',
        'sh',
        '-c',
        `'${inside}'`,
      ];
      // `script` gives kubectl a terminal.
      const command = `stty rows 41 cols 97; ${words.join(' ')}`;
      const { stdout, code } = await runCommand('script', ['-qec', command, '/dev/null'], {
        env: { KUBECONFIG: plane().kubeconfig, HOME: plane().dataDir, TERM: 'xterm' },
      });
      expect(stdout).toContain('41 97');
      expect(stdout).toContain('a terminal');
      expect(code).toBe(3);
    });

    test('exec -it follows when the terminal changes its size', async () => {
      // Rows and columns may come one after the other.
      const asking =
        'trap "told=1" WINCH; echo started; ' +
        'until [ "$told" ] && stty size 2>/dev/null | grep "33 77"; do sleep 0.05; done';
      const words = [
        ...scene.kubectl.command,
        'exec',
        '-it',
        'talker',
        '--',
        'sh',
        '-c',
        `'${asking}'`,
      ];
      const resizing =
        '(until grep -q started $OUT; do sleep 0.1; done; stty rows 33 cols 77 <$TTY) &';
      const out = `${plane().dataDir}/terminal`;
      const command = `TTY=$(tty); stty rows 10 cols 20; ${resizing} ${words.join(' ')}`;
      const { stdout } = await runCommand('script', ['-qefc', command, out], {
        env: { KUBECONFIG: plane().kubeconfig, HOME: plane().dataDir, TERM: 'xterm', OUT: out },
      });
      expect(stdout).toContain('33 77');
    });

    test('events tell the life of a pod, oldest first', async () => {
      const { kubectl } = scene;
      await until('all are there', async () => {
        const told = await kubectl.ok('events --for pod/talker -o jsonpath={.items[*].reason}');
        return ['Scheduled', 'Pulled', 'Created', 'Started'].every((reason) =>
          told.includes(reason),
        );
      });
      const listed = await kubectl.ok('get events --field-selector involvedObject.name=talker');
      expect(listed).toContain('Started container main');
    });
  });
});
