/** What an agent does when the world around it misbehaves. */
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Lease, Node } from '../api/kinds.gen.ts';
import { leases, nodes, pods } from '../api/resources.gen.ts';
import { forbidden } from '../api/status.ts';
import { aborted } from '../runtime/fake/process.ts';
import { type Runtime, RuntimeError } from '../runtime/runtime.ts';
import { AgentHarness, container, readyOf, waitingReason } from '../test/harness/agent.ts';

const signal = new AbortController().signal;
let h: AgentHarness;

afterEach(async () => {
  await h.clean();
});

/** The harness' runtime with some calls replaced. */
function altered(calls: (real: Runtime) => Partial<Runtime>): { runtimes: readonly Runtime[] } {
  const real = h.engine.runtime('node-1');
  const replaced = calls(real);
  const runtime = new Proxy(real, {
    get: (target, name) => {
      const own = replaced[name as keyof Runtime];
      if (own !== undefined) return own;
      const value = target[name as keyof Runtime];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { runtimes: [runtime] };
}

describe('engines', () => {
  test('one that does not answer holds up its own instances only', async () => {
    h = await AgentHarness.make();
    const [hung] = altered(() => ({
      name: 'systemd',
      get: async (_, { signal: given }) => await aborted(given).then(() => undefined),
    })).runtimes;
    if (hung === undefined) throw new Error('no runtime');
    h.start({ runtimes: [h.engine.runtime('node-1'), hung] });
    for (let number = 0; number < 20; number += 1) {
      await h.createPod(`hung-${number}`, { runtimeClassName: 'systemd' });
    }
    await h.createPod('web');
    await h.untilRunning('web');
  });

  test('what waits for one that is away says so, and runs once it is there', async () => {
    h = await AgentHarness.make();
    let isAway = true;
    const message = 'libvirt has not answered for 35 s';
    h.start(
      altered((real) => ({
        get: async (id, options) => {
          if (isAway) throw new RuntimeError('Unavailable', message);
          return await real.get(id, options);
        },
      })),
    );
    await h.createPod('web');
    await h.untilPod('web', (pod) => waitingReason(pod) === 'RuntimeUnavailable');
    await h.until(() => h.events('web').includes('FailedSync'));
    isAway = false;
    await h.clock.advance(60_000);
    await h.untilRunning('web');
  });

  test('a failing start that makes the engine speak does not call for the next one', async () => {
    h = await AgentHarness.make();
    let tries = 0;
    const failing = altered(() => ({
      ensure: async ({ id }) => {
        tries += 1;
        h.engine.changes.next({ nodeId: 'node-1', id });
        await Promise.resolve();
        throw new RuntimeError('StartFailed', 'port is already allocated');
      },
    }));
    h.start(failing);
    await h.createPod('web', { containers: [container('a'), container('b')] });
    await h.until(() => tries > 0);
    await h.settle();
    // The second one, if any, is due to the status that the first one wrote.
    const soFar = tries;
    expect(soFar).toBeLessThanOrEqual(2);
    await h.clock.advance(400);
    await h.settle();
    expect(tries).toBe(soFar + 1);
    // What the API says counts at once all the same.
    await h.deletePod('web', 0);
    await h.until(() => h.pod('web') === undefined);
  });

  test('a shared network that cannot be made is told, and tried again', async () => {
    h = await AgentHarness.make();
    let taken = true;
    const clash = new RuntimeError('StartFailed', 'port is already allocated');
    h.start(
      altered((real) => ({
        ensure: (spec, options) => (taken ? Promise.reject(clash) : real.ensure(spec, options)),
      })),
    );
    await h.createPod('web', { containers: [container('a'), container('b')] });
    const pod = await h.untilPod('web', (p) => waitingReason(p) === 'ContainerCreating');
    expect(pod.status?.phase).toBe('Pending');
    await h.until(() => h.events('web').includes('FailedCreatePodSandBox'));
    taken = false;
    await h.clock.advance(5_000);
    await h.untilRunning('web');
  });

  test('pods that end slowly do not hold up others', async () => {
    const deaf = async ({ killed }: { killed: AbortSignal }) => {
      await aborted(killed);
      return 137;
    };
    h = await AgentHarness.make({ programs: { deaf } });
    h.start();
    const containers = [container('main', { command: ['deaf'] })];
    const names = Array.from({ length: 20 }, (_, at) => `slow-${at}`);
    for (const name of names) await h.createPod(name, { containers });
    for (const name of names) await h.untilRunning(name);
    for (const name of names) await h.deletePod(name, 3600);
    await h.until(() => h.engine.calls.filter((call) => call.startsWith('stop')).length === 20);
    await h.createPod('new');
    await h.untilRunning('new');
  });

  test('an engine that never answers makes the node not ready, and does not hold up the end', async () => {
    h = await AgentHarness.make();
    let hangs = false;
    const never = new Promise<never>(() => {});
    h.start(altered((real) => ({ info: (o) => (hangs ? never : real.info(o)) })));
    const ready = () =>
      h.api.peek<Node>(nodes, 'node-1')?.status?.conditions?.find(({ type }) => type === 'Ready');
    await h.until(() => ready()?.status === 'True');
    hangs = true;
    await h.clock.advance(21_000);
    await h.until(() => ready()?.status === 'False');
    expect(ready()?.message).toContain('no answer');
    await h.stop();
  });

  test('a pod that is over is ended, whoever said so', async () => {
    h = await AgentHarness.make();
    h.start();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    const key = { namespace: 'default', name: 'web' };
    const status = { phase: 'Failed', reason: 'Evicted' };
    await h.api.patch(pods, key, { status }, { subresource: 'status', signal });
    await h.until(async () => (await h.instance(uid))?.containers[0]?.state.phase === 'exited');
    expect(h.pod('web')?.status).toMatchObject(status);
  });

  test('the network of a pod that has completed goes with it', async () => {
    h = await AgentHarness.make();
    // As an engine with a container that holds the network: it has an address until it is stopped.
    let stops = 0;
    const runtime = altered((real) => ({
      get: async (id, o) => {
        const status = await real.get(id, o);
        return status === undefined || stops > 0 ? status : { ...status, ips: ['10.0.0.9'] };
      },
      stop: async (id, o) => {
        stops += 1;
        await real.stop(id, o);
      },
    }));
    h.start(runtime);
    const uid = (await h.createPod('job', { restartPolicy: 'Never' })).metadata.uid ?? '';
    await h.untilRunning('job');
    await h.engine.exit(uid, 'main', 0);
    await h.untilPod('job', (p) => p.status?.phase === 'Succeeded');
    await h.until(() => stops > 0);
    await h.clock.advance(180_000);
    await h.settle();
    expect(stops).toBe(1);
  });

  test('a shared network publishes what comes later', async () => {
    h = await AgentHarness.make();
    let published: unknown;
    h.start(
      altered((real) => ({
        ensure: (spec, o) => {
          published ??= spec.sharedPorts;
          return real.ensure(spec, o);
        },
      })),
    );
    const ports = [{ containerPort: 80, hostPort: 8080 }];
    await h.createPod('web', {
      initContainers: [container('first')],
      containers: [container('main', { ports })],
    });
    await h.untilPod('web', (p) => p.status?.initContainerStatuses?.[0]?.started === true);
    expect(published).toEqual([{ containerPort: 80, protocol: 'TCP', hostPort: 8080 }]);
  });
});

describe('clocks', () => {
  test('a clock that was set back does not prolong a wait', async () => {
    h = await AgentHarness.make();
    h.start();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.engine.exit(uid, 'main', 1);
    await h.untilPod('web', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
    await h.engine.exit(uid, 'main', 1);
    await h.untilPod('web', (p) => waitingReason(p) === 'CrashLoopBackOff');
    const realNow = h.clock.now.bind(h.clock);
    h.clock.now = () => realNow() - 86_400_000;
    await h.clock.advance(60_000);
    await h.untilPod('web', (p) => restartsOf(p) === 2 && readyOf(p) === 'True');
  });
});

describe('volumes', () => {
  test.each(['link', 'link/deeper', 'inside/../link'])(
    'a subPath does not leave its volume by a link: %s',
    async (subPath) => {
      h = await AgentHarness.make();
      h.start();
      const ed = { volumes: [{ name: 'ed', emptyDir: {} }] };
      const writer = container('main', { volumeMounts: [{ name: 'ed', mountPath: '/ed' }] });
      const reader = container('reader', {
        volumeMounts: [{ name: 'ed', mountPath: '/x', subPath }],
      });
      const gate = container('gate');
      const spec = { ...ed, initContainers: [writer, gate], containers: [reader] };
      const uid = (await h.createPod('web', spec)).metadata.uid ?? '';
      await h.untilPod('web', (p) => p.status?.initContainerStatuses?.[0]?.started === true);
      const volume = join(h.dataDir, 'pods', uid, 'volumes/ed');
      await mkdir(join(h.dataDir, 'outside'));
      await symlink(join(h.dataDir, 'outside'), join(volume, 'link'));
      await h.engine.exit(uid, 'main', 0);
      await h.untilPod('web', (p) => p.status?.initContainerStatuses?.[1]?.started === true);
      await h.engine.exit(uid, 'gate', 0);
      const pod = await h.untilPod('web', (p) => waitingReason(p) === 'CreateContainerConfigError');
      expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
        'leads out of the volume',
      );
      expect(existsSync(join(h.dataDir, 'outside/deeper'))).toBe(false);
    },
  );

  test('what the disk refuses is told', async () => {
    h = await AgentHarness.make();
    h.start();
    const file = join(h.dataDir, 'file');
    await writeFile(file, '');
    const hostPath = { path: `${file}/below`, type: 'DirectoryOrCreate' as const };
    await h.createPod('web', {
      volumes: [{ name: 'v', hostPath }],
      containers: [container('main', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    });
    const pod = await h.untilPod('web', (p) => waitingReason(p) === 'CreateContainerConfigError');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('ENOTDIR');
  });

  test('what the API will not give is told', async () => {
    h = await AgentHarness.make();
    h.api.before = ({ verb, resource }) => {
      if (verb === 'get' && resource.resource === 'secrets') {
        throw forbidden(resource, 'pass', 'not of this node');
      }
    };
    h.start();
    await h.createPod('web', {
      containers: [container('main', { envFrom: [{ secretRef: { name: 'pass' } }] })],
    });
    const pod = await h.untilPod('web', (p) => waitingReason(p) === 'CreateContainerConfigError');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('not of this');
    await h.clock.advance(60_000);
    await h.settle();
    expect(h.events('web').filter((reason) => reason === 'Failed')).toHaveLength(1);
  });

  test('what pods left on disk while nobody looked is removed', async () => {
    h = await AgentHarness.make();
    const left = join(h.dataDir, 'pods/00000000-dead/volumes/secret');
    await mkdir(left, { recursive: true });
    await h.createPod('web');
    h.start();
    await h.untilRunning('web');
    await h.until(() => !existsSync(join(h.dataDir, 'pods/00000000-dead')));
  });
});

describe('the node', () => {
  test('comes back when it is deleted or called not ready by others', async () => {
    h = await AgentHarness.make();
    h.start();
    const node = () => h.api.peek<Node>(nodes, 'node-1');
    const ready = () => node()?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    await h.until(() => ready() === 'True');
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    const options = { subresource: 'status', signal };
    await h.api.patch(nodes, { name: 'node-1' }, { status: { conditions } }, options);
    await h.clock.advance(10_000);
    await h.until(() => ready() === 'True');
    await h.api.delete(nodes, { name: 'node-1' }, { signal });
    await h.clock.advance(10_000);
    await h.until(() => ready() === 'True');
  });

  test('its lease survives a call that is never answered', async () => {
    h = await AgentHarness.make();
    let hangs = false;
    h.api.before = async ({ verb, resource }) => {
      if (hangs && verb === 'patch' && resource.resource === 'leases') {
        hangs = false;
        await new Promise(() => {});
      }
    };
    h.start();
    const renewed = () => h.api.peek<Lease>(leases, 'kube-node-lease/node-1')?.spec.renewTime;
    const first = await h.until(renewed);
    hangs = true;
    await h.clock.advance(25_000);
    await h.until(() => renewed() !== first);
  });
});

function restartsOf(pod: NonNullable<ReturnType<AgentHarness['pod']>>): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
}
