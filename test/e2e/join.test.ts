/** Several nodes of one plane: machines that join, and what becomes of them. */
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertificateSigningRequest, Node, Pod } from '../../api/kinds.gen.ts';
import type { Resource } from '../../api/meta.ts';
import {
  certificateSigningRequests,
  configMaps,
  leases,
  nodes,
  nodeTopologies,
  pods,
  secrets,
  workloads,
} from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { JoinedNode, type JoinLine, joinLine } from '../harness/joined-node.ts';
import { kubectlOf } from '../harness/kubectl.ts';
import { type Plane, startPlane } from '../harness/plane.ts';
import { configMapOf, isReady, nameOf, never, restScript, Scene, workloadOf } from './scene.ts';
import { until } from './until.ts';

const timeoutMs = 150_000;
const lease = ['--node-lease-duration', '2s'];

describe('three nodes on one machine', { timeout: timeoutMs }, () => {
  let plane: Plane;
  let line: JoinLine;
  let scene: Scene;
  const joined: JoinedNode[] = [];

  beforeAll(async () => {
    plane = await startPlane('embedded', ['--node-monitor-grace-period', '5s', ...lease]);
    line = await joinLine(plane);
    scene = await Scene.open(plane);
  }, timeoutMs);

  afterAll(async () => {
    for (const node of joined) await node.remove();
    await plane?.remove();
  }, timeoutMs);

  const node = (name: string) => {
    const made = new JoinedNode(plane, name);
    joined.push(made);
    return made;
  };
  const readiness = async (name: string) =>
    (await plane.client.get<Node>(nodes, { name }, never)).status?.conditions?.find(
      ({ type }) => type === 'Ready',
    )?.status;
  const nodesOf = async () =>
    (await scene.untilReadyPods(3, 'app=web')).map(({ spec }) => spec.nodeName).sort();

  test('what is wrong with a token, a hash, a name or an address is said with the remedy', async () => {
    const stranger = node('stranger');
    const fails = async (wrong: Partial<JoinLine>, what: RegExp) => {
      const { code, stderr } = await stranger.join({ ...line, ...wrong });
      expect([code, stderr]).toEqual([1, expect.stringMatching(what)]);
    };
    await fails({ caHash: `sha256:${'0'.repeat(64)}` }, /is not the server the hash belongs to/);
    await fails(
      { token: 'abcdef.0123456789abcdef' },
      /does not know the token.*berth token create/,
    );
    await fails({ server: 'https://127.0.0.1:1' }, /no answer from https:\/\/127.0.0.1:1 .*--host/);
    const key = { namespace: 'kube-system', name: `bootstrap-token-${line.token.slice(0, 6)}` };
    const { stdout } = await plane.berth(['token', 'create', '--ttl', '1s']);
    await until('the token has expired', async () => {
      const { stderr } = await stranger.join({ ...line, token: stdout.trim() });
      return stderr.includes('has expired');
    });
    expect((await plane.berth(['token', 'list'])).stdout).not.toContain(line.token.slice(7));
    await plane.client.get(secrets, key, never);
    const taken = new JoinedNode(plane, 'node-1');
    joined.push(taken);
    expect((await taken.join(line)).stderr).toMatch(/node "node-1" is there and ready/);
  });

  test('machines join, and replicas spread over all of them', async () => {
    const [second, third] = [node('node-2'), node('node-3')];
    for (const each of [second, third])
      expect(await each.join(line, ...lease)).toMatchObject({ code: 0 });
    const kubectl = kubectlOf(plane);
    expect(await kubectl.ok('get csr')).toMatch(/kubelet +system:bootstrap:\w+ .*Approved,Issued/);
    const tolerations = ['not-ready', 'unreachable'].map((why) => ({
      key: `node.kubernetes.io/${why}`,
      operator: 'Exists' as const,
      effect: 'NoExecute' as const,
      tolerationSeconds: 1,
    }));
    const web = workloadOf('web', { replicas: 3, placement: { strategy: 'Spread' } }, restScript);
    const template = { ...web.spec.template, spec: { ...web.spec.template?.spec, tolerations } };
    await scene.create(workloads, { ...web, spec: { ...web.spec, template } } as typeof web);
    expect(await nodesOf()).toEqual(['node-1', 'node-2', 'node-3']);
  });

  test('each tells what it is made of, and a disk is measured when that is asked for', async () => {
    const kubectl = kubectlOf(plane);
    const told = await until('node-2 has told', async () => {
      const lines = (await kubectl.ok('get nodetopologies --no-headers')).split('\n');
      return lines.find((each) => each.startsWith('node-2 '));
    });
    expect(told.split(/ +/)[1]).toBe(String(cpus().length));
    expect(told).toMatch(/ local .* docker/);
    const wrong = await plane.berth(['node', 'measure', 'node-2', '--disk', 'ssd']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('it has local')]);
    const done = await plane.berth(['node', 'measure', 'node-2', '--seconds', '2']);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toMatch(/^DISK +READ IOPS.*\nlocal +[1-9]\d* +[1-9]\d* /);
    const time = await kubectl.ok('get topo node-2 -o jsonpath={.status.disks[0].measured.time}');
    expect(time).toMatch(/^20\d\d-/);
  });

  test('exec and logs reach each node', async () => {
    for (const pod of await scene.pods('app=web')) {
      const name = nameOf(pod);
      expect(await scene.kubectl.ok(['exec', name, '--', 'hostname'])).toBe(`${name}\n`);
      expect(await scene.kubectl.ok(['logs', name])).toBe('');
    }
  });

  test('a node may do what its pods need, and nothing else', async () => {
    const second = joined.find(({ name }) => name === 'node-2')!;
    const { client, close } = clientOf(second, line.server);
    const all = await scene.pods('app=web');
    const on = (name: string) => all.find(({ spec }) => spec.nodeName === name)!;
    const key = (pod: Pod) => ({ namespace: scene.namespace, name: nameOf(pod) });
    const own = key(on('node-2'));
    const foreign = key(on('node-3'));
    await scene.create(configMaps, configMapOf('hidden', { a: 'b' }));
    const inScene = { namespace: scene.namespace };
    const may: readonly (() => Promise<unknown>)[] = [
      () => client.get(pods, own, never),
      () => client.list(pods, { fieldSelector: 'spec.nodeName=node-2', ...never }),
      () => client.get(nodes, { name: 'node-2' }, never),
      () => client.get(nodeTopologies, { name: 'node-2' }, never),
      () => client.patch(nodes, { name: 'node-2' }, { metadata: { labels: { mine: '1' } } }, never),
      () => client.get(leases, { namespace: 'kube-node-lease', name: 'node-2' }, never),
    ];
    for (const call of may) await call();
    const patchNode = (patch: object, name = 'node-2') =>
      client.patch(nodes, { name }, patch as never, never);
    const create = (resource: Resource, metadata: object, more: object = {}) =>
      client.create(resource, { ...(more as object), metadata } as never, never);
    const csrs = await plane.client.list<CertificateSigningRequest>(
      certificateSigningRequests,
      never,
    );
    const foreignCsr = csrs.items.find(({ spec }) => spec.username === 'system:node:node-3')!;
    const denied: readonly (() => Promise<unknown>)[] = [
      () => client.get(pods, foreign, never),
      () => client.get(nodeTopologies, { name: 'node-3' }, never),
      () => client.list(pods, never),
      () => client.list(pods, { fieldSelector: 'spec.nodeName=node-3', ...never }),
      () => client.delete(pods, foreign, never),
      () => client.patch(pods, own, { metadata: { labels: { app: 'x' } } }, never),
      () =>
        client.patch(
          pods,
          own,
          { metadata: { labels: { app: 'x' } } },
          {
            ...never,
            subresource: 'status',
          },
        ),
      () =>
        client.patch(
          pods,
          foreign,
          { status: { phase: 'Failed' } },
          {
            ...never,
            subresource: 'status',
          },
        ),
      () =>
        create(pods, { ...inScene, name: 'mirror' }, { apiVersion: 'v1', kind: 'Pod', spec: {} }),
      () => client.get(nodes, { name: 'node-3' }, never),
      () => client.list(nodes, never),
      () => client.delete(nodes, { name: 'node-2' }, never),
      () => patchNode({ metadata: { labels: { x: 'y' } } }, 'node-3'),
      () => patchNode({ spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      () => patchNode({ metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } }),
      () => create(nodes, { name: 'node-9' }, { apiVersion: 'v1', kind: 'Node' }),
      () => client.get(leases, { namespace: 'kube-node-lease', name: 'node-3' }, never),
      () => client.get(leases, { namespace: 'kube-system', name: 'berth-scheduler' }, never),
      () => client.get(configMaps, { ...inScene, name: 'hidden' }, never),
      () => client.list(configMaps, { ...inScene, ...never }),
      () => client.list(secrets, never),
      () => client.get(secrets, { namespace: 'kube-system', name: 'bootstrap-token-x' }, never),
      () => client.list(workloads, never),
      () => client.get(certificateSigningRequests, { name: nameOf(foreignCsr) }, never),
      () => client.list(certificateSigningRequests, never),
    ];
    for (const [i, call] of denied.entries()) {
      const code = await call().then(
        () => 0,
        (error: { code?: number }) => error.code,
      );
      expect([i, code]).toEqual([i, 403]);
    }
    close();
  });

  test('drain moves what is there, and nothing comes back until uncordon', async () => {
    const kubectl = kubectlOf(plane);
    await kubectl.ok('drain node-3 --timeout=120s');
    expect(await nodesOf()).not.toContain('node-3');
    expect(await kubectl.ok('get node node-3')).toContain('Ready,SchedulingDisabled');
    await kubectl.ok('uncordon node-3');
    await kubectl.ok('taint nodes node-2 gone=1:NoExecute');
    await until('no pod is on node-2', async () => !(await nodesOf()).includes('node-2'));
    await kubectl.ok('taint nodes node-2 gone:NoExecute-');
  });

  test('a dead agent: NotReady, its pods are replaced, and the surplus goes when it returns', async () => {
    const third = joined.find(({ name }) => name === 'node-3')!;
    await until('a pod is on node-3', async () => (await nodesOf()).includes('node-3'));
    const before = third.containers();
    third.kill();
    await until('node-3 is not ready', async () => (await readiness('node-3')) === 'Unknown');
    // The one on the dead node stays until its agent says that it has ended.
    await until('three others are ready', async () => {
      const all = await scene.pods('app=web');
      return all.filter((pod) => isReady(pod) && pod.spec.nodeName !== 'node-3').length === 3;
    });
    // The containers do not know, and go on.
    expect(third.containers()).toEqual(before);
    expect(await third.startAgain(line.server)).toMatchObject({ code: 0 });
    expect(await readiness('node-3')).toBe('True');
    await until('the surplus is gone', async () => third.containers().length === 0);
    expect(await nodesOf()).not.toContain('node-3');
  });
});

function clientOf(node: JoinedNode, server: string): { client: Client; close(): void } {
  const transport = createHttpsTransport({ server, ...node.credentials() });
  const client = createClient(transport, { userAgent: 'e2e', clock: systemClock });
  return { client, close: () => transport.close() };
}
