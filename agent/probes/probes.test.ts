/** Probes as the users of a whole agent see them; the engine and the clock are fakes. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Container, Event, Pod, PodSpec, Probe } from '../../api/kinds.gen.ts';
import { events } from '../../api/resources.gen.ts';
import { aborted } from '../../runtime/fake/process.ts';
import { AgentHarness, container, readyOf } from '../../test/harness/agent.ts';

let h: AgentHarness;
/** What each command answers with; how often it was asked. */
let answers: Record<string, number>;
let asked: Record<string, number>;

async function begin(): Promise<void> {
  answers = { live: 0, ready: 0, up: 0 };
  asked = { live: 0, ready: 0, up: 0 };
  const program = (name: string) => async () => {
    asked[name] = (asked[name] ?? 0) + 1;
    return answers[name] ?? 1;
  };
  const programs = {
    live: program('live'),
    ready: program('ready'),
    up: program('up'),
    hang: async ({ killed }: { killed: AbortSignal }) => {
      asked['hang'] = (asked['hang'] ?? 0) + 1;
      await aborted(killed);
      return 137;
    },
    deaf: async ({ killed }: { killed: AbortSignal }) => {
      await aborted(killed);
      return 137;
    },
    clean: async ({ term }: { term: AbortSignal }) => {
      await aborted(term);
      return 0;
    },
  };
  h = await AgentHarness.make({ programs });
  h.start();
}

afterEach(async () => {
  await h.clean();
  // Nothing waits for a clock that nobody moves any more.
  expect(h.clock.sleeping).toBe(0);
});

const exec = (name: string, more: Partial<Probe> = {}): Probe => ({
  exec: { command: [name] },
  ...more,
});

async function create(main: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<string> {
  const containers = [container('main', main), ...(spec.containers ?? [])];
  return (await h.createPod('web', { ...spec, containers })).metadata.uid ?? '';
}

const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];
const restarts = () => main(h.pod('web'))?.restartCount;
const untilRuns = () => h.untilPod('web', (pod) => main(pod)?.state?.running !== undefined);
const condition = (type: string) =>
  h.pod('web')?.status?.conditions?.find((each) => each.type === type);

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
    .map((each) => `${each.type} ${each.message} x${each.count}`);

describe('readiness', () => {
  test('decides about ready, and says so as kubectl expects', async () => {
    await begin();
    answers['ready'] = 1;
    await create({ readinessProbe: exec('ready', { periodSeconds: 5, failureThreshold: 2 }) });
    await untilRuns();
    await pass(6);
    expect(main(h.pod('web'))).toMatchObject({ ready: false, started: true });
    for (const type of ['Ready', 'ContainersReady']) {
      expect(condition(type)).toMatchObject({
        status: 'False',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [main]',
      });
    }
    expect(h.pod('web')?.status?.phase).toBe('Running');
    expect(messages('Unhealthy')).toEqual(['Warning Readiness probe failed:  x2']);
    answers['ready'] = 0;
    await pass(5);
    expect(condition('Ready')?.status).toBe('True');
    answers['ready'] = 1;
    await pass(5);
    expect(condition('Ready')?.status).toBe('True');
    await pass(5);
    expect(condition('Ready')?.status).toBe('False');
    expect(restarts()).toBe(0);
  });

  test('is asked at its times: the delay after the start, then every period', async () => {
    await begin();
    await create({ readinessProbe: exec('ready', { initialDelaySeconds: 7, periodSeconds: 3 }) });
    await untilRuns();
    const counts: (number | undefined)[] = [];
    for (const seconds of [6, 1, 2, 1, 2, 1]) {
      await pass(seconds);
      counts.push(asked['ready']);
    }
    expect(counts).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test('a command that hangs has failed after its time, and the next one comes in turn', async () => {
    await begin();
    await create({ readinessProbe: exec('hang', { timeoutSeconds: 4, periodSeconds: 3 }) });
    await untilRuns();
    await pass(3);
    expect(asked['hang']).toBe(1);
    await pass(1);
    await h.until(() => messages('Unhealthy').length === 1);
    expect(messages('Unhealthy')).toEqual([
      'Warning Readiness probe failed: command timed out: "hang" timed out after 4s x1',
    ]);
    expect(asked['hang']).toBe(2);
  });

  test('one container of two is enough to be unready', async () => {
    await begin();
    answers['ready'] = 1;
    const side = container('side');
    await create({ readinessProbe: exec('ready') }, { containers: [side] });
    await h.untilPod('web', (pod) => pod.status?.containerStatuses?.[1]?.ready === true);
    expect(condition('Ready')?.message).toBe('containers with unready status: [main]');
    answers['ready'] = 0;
    await pass(10);
    expect(readyOf(h.pod('web')!)).toBe('True');
  });

  test('a probe that cannot be made counts for nothing, and is told', async () => {
    await begin();
    await create({ readinessProbe: { httpGet: { port: 'absent' }, failureThreshold: 1 } });
    await untilRuns();
    await h.until(() => messages('Unhealthy').length === 1);
    expect(messages('Unhealthy')[0]).toContain(
      "Readiness probe errored and resulted in unknown state: couldn't find port: absent",
    );
    expect(main(h.pod('web'))?.ready).toBe(false);
  });
});

describe('liveness', () => {
  test('restarts the container after so many failures', async () => {
    await begin();
    const uid = await create({ livenessProbe: exec('live', { failureThreshold: 2 }) });
    await h.untilRunning('web');
    answers['live'] = 1;
    await pass(19);
    expect(restarts()).toBe(0);
    answers['live'] = 0;
    await pass(10);
    answers['live'] = 1;
    await pass(10);
    expect(restarts()).toBe(0);
    await pass(1);
    answers['live'] = 0;
    await h.untilPod('web', (pod) => main(pod)?.restartCount === 1 && main(pod)?.ready === true);
    expect(h.engine.calls).toContain(`stop ${uid}/main 30000`);
    expect(messages('Killing')).toEqual([
      'Normal Container main failed liveness probe, will be restarted x1',
    ]);
    await pass(60);
    expect(restarts()).toBe(1);
  });

  test('leaves the other containers alone', async () => {
    await begin();
    answers['live'] = 1;
    const probe = exec('live', { failureThreshold: 1 });
    await create({ livenessProbe: probe }, { containers: [container('side')] });
    await h.untilPod('web', (pod) => (main(pod)?.restartCount ?? 0) > 0);
    expect(h.pod('web')?.status?.containerStatuses?.[1]).toMatchObject({
      restartCount: 0,
      ready: true,
    });
  });

  test.each([
    ['Always', 1],
    ['OnFailure', 1],
    ['Never', 0],
  ] as const)('%s: a container that then ends well restarts %i times', async (policy, count) => {
    await begin();
    answers['live'] = 1;
    const probe = exec('live', { failureThreshold: 1, initialDelaySeconds: 5 });
    await create({ command: ['clean'], livenessProbe: probe }, { restartPolicy: policy });
    await h.untilRunning('web');
    await pass(5);
    answers['live'] = 0;
    await pass(5);
    expect(restarts()).toBe(count);
    if (policy === 'Never') {
      expect(h.pod('web')?.status?.phase).toBe('Succeeded');
      await h.until(() => messages('Killing')[0]);
      expect(messages('Killing')).toEqual(['Normal Container main failed liveness probe x1']);
    } else {
      expect(main(h.pod('web'))?.state?.running).toBeDefined();
    }
  });

  test('gives the grace of the probe, and goes on to SIGKILL', async () => {
    await begin();
    const own = { failureThreshold: 1, terminationGracePeriodSeconds: 4 };
    answers['live'] = 1;
    const uid = await create({ command: ['deaf'], livenessProbe: exec('live', own) });
    await h.until(() => h.engine.calls.includes(`stop ${uid}/main 4000`));
    await pass(3);
    expect(restarts()).toBe(0);
    answers['live'] = 0;
    await pass(2);
    await h.untilPod('web', (pod) => main(pod)?.restartCount === 1);
    expect(main(h.pod('web'))?.lastState?.terminated?.exitCode).toBe(137);
  });

  test('a container that keeps failing backs off', async () => {
    await begin();
    answers['live'] = 1;
    await create({ livenessProbe: exec('live', { failureThreshold: 1, periodSeconds: 1 }) });
    await h.untilPod('web', (pod) => main(pod)?.state?.waiting?.reason === 'CrashLoopBackOff');
    expect(restarts()).toBe(1);
  });

  test('an engine that cannot stop it is asked again', async () => {
    const { RuntimeError } = await import('../../runtime/runtime.ts');
    await begin();
    answers['live'] = 1;
    h.engine.failNext('stop', new RuntimeError('Unavailable', 'no engine'));
    await create({ livenessProbe: exec('live', { failureThreshold: 1 }) });
    await untilRuns();
    await pass(1);
    expect(restarts()).toBe(0);
    await pass(5);
    await h.untilPod('web', (pod) => main(pod)?.restartCount === 1);
  });
});

describe('startup', () => {
  test('holds the others back, then lets them begin', async () => {
    await begin();
    answers = { up: 1, live: 1, ready: 0 };
    const startupProbe = exec('up', { failureThreshold: 30, periodSeconds: 2 });
    const livenessProbe = exec('live', { failureThreshold: 1 });
    await create({ startupProbe, livenessProbe, readinessProbe: exec('ready') });
    await untilRuns();
    await pass(20);
    expect(asked).toMatchObject({ live: 0, ready: 0 });
    expect(main(h.pod('web'))).toMatchObject({ ready: false, started: false, restartCount: 0 });
    answers = { up: 0, live: 0, ready: 0 };
    await pass(2);
    const started = await h.untilRunning('web');
    expect(main(started)).toMatchObject({ ready: true, started: true });
    const { up } = asked;
    await pass(20);
    expect(asked['up']).toBe(up);
    expect(asked['live']).toBeGreaterThan(1);
  });

  test('that never succeeds restarts the container', async () => {
    await begin();
    answers['up'] = 1;
    const startupProbe = exec('up', { failureThreshold: 3, periodSeconds: 2 });
    await create({ startupProbe });
    await untilRuns();
    await pass(3);
    expect(restarts()).toBe(0);
    await pass(1);
    await h.untilPod('web', (pod) => main(pod)?.restartCount === 1);
    expect(messages('Killing')).toEqual([
      'Normal Container main failed startup probe, will be restarted x1',
    ]);
    expect(main(h.pod('web'))).toMatchObject({ ready: false, started: false });
  });
});

describe('an agent that starts again', () => {
  test('keeps what was ready until a threshold of failures', async () => {
    await begin();
    const readinessProbe = exec('ready', { periodSeconds: 10, failureThreshold: 2 });
    await create({ startupProbe: exec('up'), readinessProbe });
    await h.untilRunning('web');
    await h.stop();
    const before = h.pod('web')?.metadata.resourceVersion;
    answers = { up: 1, ready: 1, live: 1 };
    const { up } = asked;
    h.start();
    await h.settle();
    expect(h.pod('web')?.metadata.resourceVersion).toBe(before);
    const { ready = 0 } = asked;
    await h.until(async () => {
      await h.clock.advance(1_000);
      return asked['ready']! > ready;
    });
    await h.settle();
    expect(condition('Ready')?.status).toBe('True');
    await pass(10);
    expect(condition('Ready')?.status).toBe('False');
    expect(asked['up']).toBe(up);
  });

  test('does not make ready what was not', async () => {
    await begin();
    answers['ready'] = 1;
    await create({ readinessProbe: exec('ready') });
    await untilRuns();
    await pass(2);
    await h.stop();
    h.start();
    await pass(30);
    expect(condition('Ready')?.status).toBe('False');
  });

  test('does not take the new attempt for the one that was ready', async () => {
    await begin();
    const uid = await create({ readinessProbe: exec('ready') });
    await h.untilRunning('web');
    await h.stop();
    await h.engine.exit(uid, 'main', 1);
    answers['ready'] = 1;
    h.start();
    await h.untilPod('web', (pod) => main(pod)?.restartCount === 1);
    await pass(2);
    expect(condition('Ready')?.status).toBe('False');
  });
});

describe('the end', () => {
  test('of a container ends its checks', async () => {
    await begin();
    const spec = { restartPolicy: 'Never' } as const;
    const uid = await create({ readinessProbe: exec('ready', { periodSeconds: 1 }) }, spec);
    await h.untilRunning('web');
    await h.engine.exit(uid, 'main', 0);
    await h.untilPod('web', (pod) => pod.status?.phase === 'Succeeded');
    const { ready } = asked;
    await pass(5);
    expect(asked['ready']).toBe(ready);
    expect(messages('Unhealthy')).toEqual([]);
  });

  test('of a pod ends its checks, a failing one too', async () => {
    await begin();
    const livenessProbe = exec('live', { periodSeconds: 1, failureThreshold: 1 });
    const uid = await create({ command: ['deaf'], livenessProbe });
    await h.untilRunning('web');
    await h.deletePod('web', 60);
    await h.until(() => h.engine.calls.includes(`stop ${uid} 60000`));
    answers['live'] = 1;
    const { live } = asked;
    await pass(5);
    expect(asked['live']).toBe(live);
    await h.deletePod('web', 0);
    await h.until(async () => {
      await h.clock.advance(1_000);
      return (await h.instance(uid)) === undefined ? true : undefined;
    });
    expect(messages('Killing').join()).not.toContain('liveness');
  });

  test('of the stop of a pod: no check while it is stopped, and again after', async () => {
    await begin();
    await create({ readinessProbe: exec('ready', { periodSeconds: 1 }) });
    await h.untilRunning('web');
    await h.annotate('web', { 'berth.dev/running': 'false' });
    await h.untilPod('web', (pod) => pod.status?.reason === 'Stopped');
    const { ready = 0 } = asked;
    await pass(5);
    expect(asked['ready']).toBe(ready);
    await h.annotate('web', { 'berth.dev/running': null });
    await h.untilRunning('web');
    expect(asked['ready']).toBeGreaterThan(ready);
  });
});
