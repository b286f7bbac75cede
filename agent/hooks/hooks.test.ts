/** Hooks as the users of a whole agent see them; the engine and the clock are fakes. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Event, LifecycleHandler, Pod, PodSpec } from '../../api/kinds.gen.ts';
import { events } from '../../api/resources.gen.ts';
import { aborted, type FakeProgram } from '../../runtime/fake/process.ts';
import { AgentHarness, container, readyOf } from '../../test/harness/agent.ts';

let h: AgentHarness;
/** What has happened inside the containers, in order. */
let trace: string[];
/** What the `gate` command waits for. */
let gate: { open: (exitCode: number) => void; promise: Promise<number> };

async function begin(): Promise<void> {
  trace = [];
  let open: (exitCode: number) => void = () => {};
  const promise = new Promise<number>((resolve) => {
    open = resolve;
  });
  gate = { promise, open: (code) => open(code) };
  const programs: Record<string, FakeProgram> = {
    app: async ({ container, term, killed }) => {
      trace.push(`start ${container.name}`);
      await aborted(AbortSignal.any([term, killed]));
      trace.push(`end ${container.name}`);
      return 0;
    },
    deaf: async ({ killed }) => {
      await aborted(killed);
      trace.push('killed');
      return 137;
    },
    say: async ({ argv }) => {
      trace.push(argv[1] ?? '');
      return 0;
    },
    fail: async () => {
      trace.push('fail');
      return 1;
    },
    wait: async ({ argv, killed }) => {
      trace.push('wait');
      const waited = h.clock.sleep(Number(argv[1]) * 1000, killed).catch(() => undefined);
      await waited;
      trace.push('waited');
      return 0;
    },
    gate: async () => {
      trace.push('gate');
      return await gate.promise;
    },
  };
  h = await AgentHarness.make({ programs });
  h.start();
}

afterEach(async () => {
  await h.clean();
});

const run = (...command: string[]): LifecycleHandler => ({ exec: { command } });

async function create(main: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<string> {
  const others = spec.containers ?? [];
  const containers = [container('main', { command: ['app'], ...main }), ...others];
  return (await h.createPod('web', { ...spec, containers })).metadata.uid ?? '';
}

const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];
const untilTrace = (word: string) => h.until(() => trace.includes(word));
const untilGone = () => h.until(() => h.pod('web') === undefined);

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    await h.clock.advance(1_000);
    await h.settle();
  }
}

const messages = (reason: string) =>
  h.api
    .all<Event>(events)
    .filter((each) => each.reason === reason)
    .map((each) => `${each.type} ${each.message}`);

describe('postStart', () => {
  test('the container does not count as running before it has finished', async () => {
    await begin();
    await create({ lifecycle: { postStart: run('gate') } });
    await h.untilPod('web', (pod) => main(pod)?.containerID !== undefined);
    await pass(30);
    expect(main(h.pod('web'))).toMatchObject({
      state: { waiting: { reason: 'ContainerCreating' } },
      ready: false,
      started: false,
    });
    expect(h.pod('web')?.status?.phase).toBe('Pending');
    gate.open(0);
    const pod = await h.untilRunning('web');
    expect(pod.status?.phase).toBe('Running');
    expect(trace).toEqual(['start main', 'gate']);
  });

  test('probes begin after it', async () => {
    await begin();
    const readinessProbe = { exec: { command: ['say', 'asked'] } };
    await create({ lifecycle: { postStart: run('gate') }, readinessProbe });
    await untilTrace('gate');
    await pass(20);
    expect(trace).not.toContain('asked');
    gate.open(0);
    await h.untilRunning('web');
    expect(trace.at(-1)).toBe('asked');
  });

  test('the next container starts after it', async () => {
    await begin();
    const containers = [container('side', { command: ['app'] })];
    await create({ lifecycle: { postStart: run('gate') } }, { containers });
    await untilTrace('gate');
    await pass(65);
    expect(trace).toEqual(['start main', 'gate']);
    gate.open(0);
    await h.untilRunning('web');
    expect(trace).toEqual(['start main', 'gate', 'start side']);
  });

  test('a container that cannot be started holds nobody up', async () => {
    await begin();
    const containers = [container('side', { command: ['app'] })];
    await create({ command: ['absent'], lifecycle: { postStart: run('gate') } }, { containers });
    await untilTrace('start side');
    expect(trace).toEqual(['start side']);
  });

  test('that fails ends the container, and its restart tries again', async () => {
    await begin();
    h.engine.programs['second'] = async () => {
      trace.push('hook');
      return trace.filter((word) => word === 'hook').length === 2 ? 0 : 1;
    };
    const uid = await create({ lifecycle: { postStart: run('second') } });
    const pod = await h.untilRunning('web');
    expect(main(pod)?.restartCount).toBe(1);
    expect(trace).toEqual(['start main', 'hook', 'end main', 'start main', 'hook']);
    expect(h.engine.calls).toContain(`stop ${uid}/main 30000`);
    expect(messages('FailedPostStartHook')).toEqual(['Warning PostStartHook failed']);
    expect(messages('Killing')).toEqual(['Normal FailedPostStartHook']);
  });

  test('runs again when an agent before this one has not told of its end, else not', async () => {
    await begin();
    await create({ lifecycle: { postStart: run('gate') } });
    await untilTrace('gate');
    await h.settle();
    await h.stop();
    h.start();
    await h.until(() => trace.filter((word) => word === 'gate').length === 2);
    gate.open(0);
    await h.untilRunning('web');
    await h.stop();
    h.start();
    await pass(65);
    expect(trace).toEqual(['start main', 'gate', 'gate']);
    expect(readyOf(h.pod('web')!)).toBe('True');
  });

  test('is given up when its pod goes', async () => {
    await begin();
    await create({ lifecycle: { postStart: run('gate') } });
    await untilTrace('gate');
    await h.deletePod('web', 10);
    await untilGone();
    expect(messages('FailedPostStartHook')).toEqual([]);
  });

  test('sleep and httpGet', async () => {
    await begin();
    const asked: string[] = [];
    const server = createServer((request, answer) => {
      asked.push(`${request.url} ${request.headers['user-agent']}`);
      answer.writeHead(500).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const httpGet = { host: '127.0.0.1', port, path: '/hello' };
    const containers = [container('side', { lifecycle: { postStart: { httpGet } } })];
    await create({ lifecycle: { postStart: { sleep: { seconds: 3 } } } }, { containers });
    await untilTrace('start main');
    await pass(2);
    expect(asked).toEqual([]);
    await pass(1);
    // Any answer is good enough.
    await h.untilRunning('web');
    expect(asked).toEqual(['/hello kube-lifecycle/1.36']);
    server.close();
  });
});

describe('preStop', () => {
  test('comes before SIGTERM, and what it takes is taken from the grace period', async () => {
    await begin();
    const uid = await create({ lifecycle: { preStop: run('wait', '3') } });
    await h.untilRunning('web');
    await h.deletePod('web', 10);
    await untilTrace('wait');
    await pass(2);
    expect(trace).toEqual(['start main', 'wait']);
    await pass(1);
    await untilGone();
    expect(trace).toEqual(['start main', 'wait', 'waited', 'end main']);
    expect(h.engine.calls).toContain(`stop ${uid}/main 7000`);
  });

  test('other containers end meanwhile', async () => {
    await begin();
    const containers = [container('side', { command: ['app'] })];
    await create({ lifecycle: { preStop: run('wait', '3') } }, { containers });
    await h.untilRunning('web');
    await h.deletePod('web', 10);
    await untilTrace('end side');
    expect(trace).not.toContain('waited');
    await pass(3);
    await untilGone();
    expect(trace.at(-1)).toBe('end main');
  });

  test('that takes too long leaves two seconds for SIGTERM', async () => {
    await begin();
    const uid = await create({ command: ['deaf'], lifecycle: { preStop: run('wait', '900') } });
    await h.untilRunning('web');
    await h.deletePod('web', 10);
    await untilTrace('wait');
    await pass(9);
    expect(h.engine.calls).not.toContain(`stop ${uid}/main 2000`);
    await pass(1);
    expect(h.engine.calls).toContain(`stop ${uid}/main 2000`);
    await pass(1);
    expect(trace).not.toContain('killed');
    await pass(1);
    await untilGone();
    expect(trace).toContain('killed');
  });

  test('that fails is told, and the container ends all the same', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('fail') } });
    await h.untilRunning('web');
    await h.deletePod('web', 10);
    await untilGone();
    expect(trace).toEqual(['start main', 'fail', 'end main']);
    await h.until(() => messages('FailedPreStopHook').length > 0);
    expect(messages('FailedPreStopHook')).toEqual(['Warning PreStopHook failed']);
  });

  test('runs once, also when the deletion is hastened, and then has the shorter time', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('wait', '900') } });
    await h.untilRunning('web');
    await h.deletePod('web', 600);
    await untilTrace('wait');
    await pass(5);
    await h.deletePod('web', 8);
    await pass(2);
    expect(trace).toEqual(['start main', 'wait']);
    await pass(1);
    await untilTrace('end main');
    await untilGone();
    expect(trace.filter((word) => word === 'wait')).toHaveLength(1);
  });

  test('is left out without grace', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('say', 'pre') } });
    await h.untilRunning('web');
    await h.deletePod('web', 0);
    await untilTrace('end main');
    expect(trace).not.toContain('pre');
  });

  test('runs each time that the pod is stopped', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('say', 'pre') } });
    for (let round = 1; round <= 2; round += 1) {
      await h.untilRunning('web');
      await h.annotate('web', { 'berth.dev/running': 'false' });
      await h.untilPod('web', (pod) => pod.status?.reason === 'Stopped');
      await h.annotate('web', { 'berth.dev/running': null });
    }
    await h.untilRunning('web');
    const once = ['start main', 'pre', 'end main'];
    expect(trace).toEqual([...once, ...once, 'start main']);
  });

  test('a stop that is taken back gives the hook up; the next stop runs it anew', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('wait', '5') } });
    await h.untilRunning('web');
    await h.annotate('web', { 'berth.dev/running': 'false' });
    await untilTrace('wait');
    await h.annotate('web', { 'berth.dev/running': null });
    await pass(20);
    expect(trace).not.toContain('end main');
    expect(readyOf(h.pod('web')!)).toBe('True');
    await h.annotate('web', { 'berth.dev/running': 'false' });
    await h.until(() => trace.filter((word) => word === 'wait').length === 2);
    await pass(5);
    await h.untilPod('web', (pod) => pod.status?.reason === 'Stopped');
    expect(trace.at(-1)).toBe('end main');
  });

  test('runs when a probe ends the container; a deletion meanwhile does not run it again', async () => {
    await begin();
    const livenessProbe = { exec: { command: ['fail'] }, failureThreshold: 1 };
    await create({ livenessProbe, lifecycle: { preStop: run('wait', '5') } });
    await untilTrace('wait');
    await h.deletePod('web', 20);
    await pass(5);
    await untilGone();
    expect(trace).toEqual(['start main', 'fail', 'wait', 'waited', 'end main']);
  });

  test('nothing is left to wait for when the agent stops in the middle', async () => {
    await begin();
    await create({ lifecycle: { preStop: run('wait', '900') } });
    await h.untilRunning('web');
    await h.deletePod('web', 600);
    await untilTrace('wait');
    await h.stop();
    // Its command ends with it; the container does not.
    expect(h.clock.sleeping).toBe(0);
    expect(trace).toEqual(['start main', 'wait', 'waited']);
  });
});
