/** The everyday verbs of `berth` itself, for machines without kubectl; and how a plane is run. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { pods } from '../../api/resources.gen.ts';
import type { Output } from '../harness/run-command.ts';
import { configMapOf, containerOf, onEmbedded, restScript, Scene, workloadOf } from './scene.ts';

onEmbedded('berth', (plane) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await Scene.open(plane());
  });

  const berth = (line: string, stdin?: object): Promise<Output> => {
    const [verb = '', ...words] = line.split(' ');
    const options = stdin === undefined ? {} : { stdin: JSON.stringify(stdin) };
    return plane().berth([verb, '-n', scene.namespace, ...words], options);
  };
  const ok = async (line: string, stdin?: object): Promise<string> => {
    const { code, stdout, stderr } = await berth(line, stdin);
    expect([code, stderr]).toEqual([0, '']);
    return stdout;
  };

  test('apply, get, scale, wait, logs, exec and delete', async () => {
    const web = workloadOf('web', { replicas: 1 }, `echo ready; ${restScript}`);
    expect(await ok('apply -f -', web)).toContain('workload.berth.dev/web created');
    expect(await ok('apply -f -', web)).toContain('workload.berth.dev/web unchanged');
    await ok('wait --for=condition=Available workload/web --timeout 60s');
    await ok('scale workload/web --replicas 2');
    await ok('wait --for=jsonpath={.status.readyReplicas}=2 workload/web --timeout 60s');
    const table = await ok('get workloads,pods');
    expect(table).toMatch(/NAME\s+TYPE\s+DESIRED\s+READY/);
    expect(table).toMatch(/web\s+Service\s+2\s+2\s+2\s+2/);
    expect(table.match(/1\/1\s+Running/g)).toHaveLength(2);
    expect(JSON.parse(await ok('get workload/web -o json')).spec.replicas).toBe(2);
    expect(await ok('get wl web -o yaml')).toContain('replicas: 2');
    const none = await berth('get pods -l app=none');
    expect(none).toEqual({
      code: 0,
      stdout: '',
      stderr: `No resources found in ${scene.namespace} namespace.\n`,
    });
    expect(await ok('logs workload/web')).toBe('ready\n');
    expect(await ok('exec workload/web -- echo hello')).toBe('hello\n');
    const failed = await scene.exec('workload/web', 'sh', '-c', 'exit 7');
    expect(failed.code).toBe(7);
    await ok('delete workload web');
    await ok('wait --for=delete pod -l app=web --timeout 60s');
    expect(await scene.containers()).toEqual([]);
  });

  test('exec hands input on, and logs of several containers are told apart', async () => {
    const named = (name: string) => containerOf(`echo from ${name}; ${restScript}`, { name });
    await scene.createPod('pair', { containers: [named('one'), named('two')] });
    await ok('wait --for=condition=Ready pod/pair --timeout 60s');
    const big = 'y'.repeat(200_000);
    const { stdout } = await plane().berth(
      ['exec', '-n', scene.namespace, '-i', '-c', 'one', 'pair', '--', 'cat'],
      { stdin: big },
    );
    expect(stdout).toBe(big);
    expect(await ok('logs pair -c two')).toBe('from two\n');
    await scene.delete(pods, 'pair');
  });

  test('what is wrong is said in one sentence, with the right exit code', async () => {
    const cases: readonly [string, number, RegExp][] = [
      ['get pod nobody', 1, /pods "nobody" not found/],
      ['get submarines', 1, /submarines/],
      ['logs nobody', 1, /nobody/],
      ['get', 2, /./],
      ['get pods --no-such-flag', 2, /no-such-flag/],
      ['launch', 2, /launch/],
      ['wait --for=condition=Ready pod/nobody --timeout 1s', 1, /nobody/],
    ];
    for (const [line, code, says] of cases) {
      const answer = await berth(line);
      expect([line, answer.code]).toEqual([line, code]);
      expect(answer.stderr).toMatch(says);
      expect(answer.stderr).toMatch(/^berth: /);
      expect(answer.stderr).not.toMatch(/\n\s+at /);
    }
    const bad = await berth('apply -f -', { ...configMapOf('bad', {}), dada: 1 });
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('dada');
  });

  test('status and doctor tell how it is', async () => {
    const { dataDir } = plane();
    const status = await plane().berth(['status', '--data-dir', dataDir]);
    expect(status.code).toBe(0);
    expect(status.stdout).toContain('node-1');
    const doctor = await plane().berth(['doctor', '--data-dir', dataDir]);
    expect(doctor.stdout).toMatch(/docker/i);
    const { stdout } = await plane().berth(['kubeconfig', '--data-dir', dataDir]);
    expect(stdout).toContain('kubeconfig');
    expect(existsSync(plane().kubeconfig)).toBe(true);
  });

  test('a port that somebody has, and a second plane beside the first', async () => {
    const other = `${plane().dataDir}/other`;
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const up = ['up', '--data-dir', other, '--port', String(port), '--no-agent'];
    const taken = await plane().berth(up);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(
      new RegExp(`^berth: port ${port} .* already in use .* --port \\d+\n$`),
    );
    await new Promise((resolve) => server.close(resolve));
    try {
      const started = await plane().berth(up);
      expect([started.code, started.stderr]).toEqual([0, '']);
      const env = { KUBECONFIG: `${other}/kubeconfig` };
      const nodes = await plane().berth(['get', 'nodes', '-o', 'name'], { env });
      expect(nodes.stdout).toBe('');
    } finally {
      const down = await plane().berth(['down', '--data-dir', other]);
      expect(down.code).toBe(0);
    }
    const stopped = await plane().berth(['status', '--data-dir', other]);
    expect(stopped.code).toBe(3);
  });
});
