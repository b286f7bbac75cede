/** Clients that are neither ours nor kubectl: the one for Python, and curl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Kubeconfig, loadKubeconfig } from '../../client/kubeconfig.ts';
import { busyboxImage } from '../harness/images.ts';
import { runCommand, startCommand } from '../harness/run-command.ts';
import { onEmbedded, Scene } from './scene.ts';
import { until } from './until.ts';

onEmbedded('other clients', (plane) => {
  let scene: Scene;
  let access: Kubeconfig;
  let common: readonly string[];
  /** As the kubeconfig says. */
  let us: readonly string[];

  beforeAll(async () => {
    scene = await Scene.open(plane());
    access = loadKubeconfig(plane().kubeconfig);
    const fileOf = (name: string, text = '') => {
      const path = join(plane().dataDir, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    common = ['-sS', '--cacert', fileOf('curl-ca.crt', access.ca)];
    const { cert, key } = access;
    us = ['--cert', fileOf('curl.crt', cert), '--key', fileOf('curl.key', key)];
  });

  const urlOf = (path: string) => `${access.server}${path}`;
  const configMaps = () => `/api/v1/namespaces/${scene.namespace}/configmaps`;

  /** The body, and behind it the code and the version of HTTP. */
  const curl = async (path: string, words: readonly string[], stdin = '') => {
    const format = ['-w', '\n%{http_code} %{http_version}'];
    const all = [...common, ...format, ...words, urlOf(path)];
    const { code, stdout, stderr } = await runCommand('curl', all, { stdin });
    expect([code, stderr]).toEqual([0, '']);
    const end = stdout.lastIndexOf('\n');
    const [status = '', version = ''] = stdout.slice(end + 1).split(' ');
    return { body: stdout.slice(0, end), status: Number(status), version };
  };
  const apply = (name: string, manager: string, value: string, ...more: readonly string[]) => {
    const words = ['-X', 'PATCH', '-H', 'Content-Type: application/apply-patch+yaml'];
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: "${value}"}\n`;
    const path = `${configMaps()}/${name}?fieldManager=${manager}${more.join('')}`;
    return curl(path, [...us, ...words, '--data-binary', '@-'], yaml);
  };

  test('Python: objects, a watch, errors, a workload with logs and exec', async () => {
    const script = new URL('python-client.py', import.meta.url).pathname;
    // Debian's own, which knows Debian's packages.
    const words = [script, plane().kubeconfig, scene.namespace, busyboxImage];
    const { code, stdout, stderr } = await runCommand('/usr/bin/python3', words, {
      timeoutMs: 120_000,
    });
    expect([code, stdout, stderr]).toEqual([0, 'ok\n', '']);
  });

  test('curl: discovery over either HTTP, compressed lists, wrong paths', async () => {
    for (const [flag, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ] as const) {
      const answer = await curl('/apis/berth.dev/v1', [...us, flag]);
      expect([answer.status, answer.version]).toEqual([200, version]);
      const { resources } = JSON.parse(answer.body);
      expect(resources.map(({ name }: { name: string }) => name)).toContain('workloads');
    }
    // Large enough to be worth it.
    await apply('large', 'curl', 'y'.repeat(200_000));
    const headers = join(plane().dataDir, 'curl-headers');
    const listed = await curl(configMaps(), [...us, '--compressed', '-D', headers]);
    expect(JSON.parse(listed.body).kind).toBe('ConfigMapList');
    const { stdout } = await runCommand('cat', [headers]);
    expect(stdout.toLowerCase()).toContain('content-encoding: gzip');
    for (const path of ['/apis/none.dev/v1', '/api/v1/nothing', `${configMaps()}/none`, '/no']) {
      expect(await curl(path, us), path).toMatchObject({ status: 404 });
    }
  });

  test('curl: YAML, apply with conflicts, and a watch that tells each change at once', async () => {
    const watched = `${configMaps()}?watch=true&fieldSelector=metadata.name%3Dcurl`;
    const words = [...us, '-H', 'Content-Type: application/yaml', '--data-binary', '@-'];
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: curl}\ndata: {b: "1"}\n';
    expect(await curl(configMaps(), words, yaml)).toMatchObject({ status: 201 });
    const watch = startCommand('curl', [...common, '-N', ...us, urlOf(watched)]);
    try {
      await until('the watch tells the beginning', () => watch.stdout().includes('"ADDED"'));
      expect(await curl(configMaps(), words, yaml)).toMatchObject({ status: 409 });
      expect(await apply('curl', 'one', '1')).toMatchObject({ status: 200 });
      const conflict = await apply('curl', 'two', '2');
      expect(conflict.status).toBe(409);
      expect(conflict.body).toContain('.data.a');
      expect(await apply('curl', 'two', '2', '&force=True')).toMatchObject({ status: 200 });
      const removed = await curl(`${configMaps()}/curl`, [...us, '-X', 'DELETE']);
      expect(removed.status).toBe(200);
      await until('the watch tells the end', () => watch.stdout().includes('"DELETED"'));
    } finally {
      await watch.stop();
    }
    const events = watch
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = events.map(({ type, object }) => [type, object.data.a]);
    const changed = ['1', '2'].map((value) => ['MODIFIED', value]);
    expect(told).toEqual([['ADDED', undefined], ...changed, ['DELETED', '2']]);
  });

  test('curl: as a service account, as nobody, and with a token that is none', async () => {
    const path = `/api/v1/namespaces/${scene.namespace}/serviceaccounts/default/token`;
    const json = ['-H', 'Content-Type: application/json', '-d', '{}'];
    const made = await until('the service account is there', async () => {
      const answer = await curl(path, [...us, ...json]);
      return answer.status === 201 ? answer : undefined;
    });
    const bearer = (token: string) => ['-H', `Authorization: Bearer ${token}`];
    const account = bearer(JSON.parse(made.body).status.token);
    const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const review = await curl(self, [...account, ...json]);
    const { username } = JSON.parse(review.body).status.userInfo;
    expect(username).toBe(`system:serviceaccount:${scene.namespace}:default`);
    expect(await curl(configMaps(), account)).toMatchObject({ status: 403 });
    expect(await curl(configMaps(), bearer('none'))).toMatchObject({ status: 401 });
  });
});
