import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { noMetrics } from '../../lib/metrics.ts';
import type { ApiResponse, RequestContext, UserInfo } from '../request/request.ts';
import { requestInfo } from '../request/request-info.ts';
import { createFlowControl, type FlowLimits } from './flow-control.ts';
import { limited } from './limited.ts';
import { isLongRunning, priorityOf, seatsOf } from './priority.ts';

const ok: ApiResponse = { status: 200, headers: {}, body: new Uint8Array() };
const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
const at = '/api/v1/namespaces/default/pods';

function parsed(url: string, method = 'GET') {
  const [path = '', search] = url.split('?');
  const query = new URLSearchParams(search);
  return { query, info: requestInfo(method, path, query) };
}

function contextOf(url: string, user: UserInfo, signal: AbortSignal): RequestContext {
  const { query, info } = parsed(url);
  const body = async () => new Uint8Array();
  const request = { method: 'GET', path: info.path, query, headers: {}, body, signal };
  return { request, info, user, warnings: [], annotate: () => undefined };
}

function setup(limits: FlowLimits = {}) {
  const clock = new FakeClock();
  const flow = createFlowControl({ clock, metrics: noMetrics }, limits);
  const client = new AbortController();
  const ask = (url: string, work: (signal: AbortSignal) => Promise<ApiResponse>, user = alice) =>
    limited({ flow, clock }, contextOf(url, user, client.signal), 0, work);
  return { clock, client, ask };
}

test('what takes too long is given up with 504, and told so', async () => {
  const { clock, ask } = setup();
  let told: unknown;
  const answer = ask(at, (signal) => {
    signal.addEventListener('abort', () => {
      told = signal.reason;
    });
    return new Promise(() => undefined);
  });
  const outcome = expect(answer).rejects.toMatchObject({
    code: 504,
    reason: 'Timeout',
    message: 'Timeout: request did not complete within the allotted timeout',
  });
  await clock.advance(60_000);
  await outcome;
  expect(told).toMatchObject({ code: 504 });
});

test('a client may ask for less time, not for more; nonsense is refused', async () => {
  const { clock, ask } = setup({ requestTimeoutMs: 10_000 });
  const hang = () => new Promise<ApiResponse>(() => undefined);
  const ended: string[] = [];
  for (const timeout of ['2s', '1h'])
    ask(`${at}?timeout=${timeout}`, hang).catch(() => ended.push(timeout));
  await clock.advance(2_000);
  expect(ended).toEqual(['2s']);
  await clock.advance(8_000);
  expect(ended).toEqual(['2s', '1h']);
  await expect(ask(`${at}?timeout=soon`, hang)).rejects.toMatchObject({
    code: 400,
    message: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
  });
});

test('a seat is held until the answer was sent; whoever does not read it is cut off', async () => {
  const { clock, ask } = setup({ maxRequestsInflight: 2, maxMutatingRequestsInflight: 0 });
  const answer = await ask(at, async () => ok);
  let second: ApiResponse | undefined;
  const waiting = ask(at, async () => ok).then((sent) => {
    second = sent;
  });
  await clock.advance(1_000);
  expect(second).toBeUndefined();
  expect(answer.cut?.aborted).toBe(false);
  answer.done?.();
  await waiting;
  await clock.advance(59_000);
  expect(answer.cut?.aborted).toBe(false);
  await clock.advance(1_000);
  expect(second?.cut?.aborted).toBe(true);
  second?.done?.();
  expect(clock.sleeping).toBe(0);
});

test('work that goes on after its 504 keeps its seat until it ends', async () => {
  const limits = {
    maxRequestsInflight: 2,
    maxMutatingRequestsInflight: 0,
    requestTimeoutMs: 1_000,
  };
  const { clock, ask } = setup(limits);
  let finish: (answer: ApiResponse) => void = () => undefined;
  const late = ask(at, () => new Promise((resolve) => (finish = resolve)));
  const timedOut = expect(late).rejects.toMatchObject({ code: 504 });
  await clock.advance(1_000);
  await timedOut;
  const refused = expect(ask(at, async () => ok)).rejects.toMatchObject({ code: 429 });
  await clock.advance(250);
  await refused;
  finish(ok);
  await clock.advance(0);
  expect((await ask(at, async () => ok)).status).toBe(200);
});

test('streams have no deadline and no seat, but each user only so many', async () => {
  const { clock, ask } = setup({ maxStreamsPerUser: 2 });
  const watch = () => ask(`${at}?watch=1`, async () => ok);
  const [first] = await Promise.all([watch(), watch()]);
  await clock.advance(3_600_000);
  expect(first?.cut).toBeUndefined();
  await expect(watch()).rejects.toMatchObject({ code: 429, details: { retryAfterSeconds: 1 } });
  const bob = await ask(`${at}?watch=1`, async () => ok, { ...alice, name: 'bob' });
  expect(bob.status).toBe(200);
  first?.done?.();
  first?.done?.();
  expect((await watch()).status).toBe(200);
  await expect(watch()).rejects.toMatchObject({ code: 429 });
});

test.each([
  ['/livez', 'system:anonymous', [], 'exempt'],
  ['/readyz/etcd', 'system:anonymous', [], 'exempt'],
  ['/metrics', 'monitor', [], 'workload'],
  [at, 'boss', ['system:masters'], 'exempt'],
  [at, 'system:node:n', ['system:nodes'], 'system'],
  [at, 'system:kube-scheduler', [], 'system'],
  [at, 'system:serviceaccount:kube-system:x', ['system:serviceaccounts'], 'system'],
  [at, 'system:serviceaccount:default:x', ['system:serviceaccounts'], 'workload'],
  [at, 'alice', ['system:authenticated'], 'workload'],
])('%s by %s is %s', (url, name, groups, level) => {
  expect(priorityOf({ name, groups }, parsed(url).info)).toBe(level);
});

test('streams are told from requests by what is asked', () => {
  const long = ['?watch=1', '/p/log', '/p/exec', '/p/attach', '/p/portforward'];
  expect(long.map((rest) => isLongRunning(parsed(at + rest).info))).toEqual(long.map(() => true));
  expect(['', '/p', '/p/status'].map((rest) => isLongRunning(parsed(at + rest).info))).toEqual([
    false,
    false,
    false,
  ]);
});

test.each([
  ['', 'GET', 0, 1],
  ['', 'GET', 10_000, 101],
  ['?limit=500', 'GET', 10_000, 6],
  ['/p', 'GET', 10_000, 1],
  ['', 'POST', 10_000, 1],
  ['', 'DELETE', 1_000, 11],
])('%s %s among %d objects takes %d seats', (rest, method, stored, seats) => {
  const { info, query } = parsed(at + rest, method);
  expect(seatsOf(info, query, stored)).toBe(seats);
});
