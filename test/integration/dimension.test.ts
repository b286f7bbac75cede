/** A dimension of a user's own, on a real server with imaginary nodes: the example, over HTTP and as a module. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { Adviser } from '../../scheduler/advice/adviser.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { checkDimension } from '../../scheduler/extensions/check.ts';
import { httpAsker } from '../../scheduler/extensions/http-asker.ts';
import { workerAsker } from '../../scheduler/extensions/worker-asker.ts';
import { eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { startWebhookServer } from '../harness/webhook-server.ts';

const folder = fileURLToPath(new URL('../../examples/dimension', import.meta.url));
const podsPath = '/api/v1/namespaces/default/pods';
const dimensionsPath = '/apis/berth.dev/v1/dimensions';
const patchType = { headers: { 'content-type': 'application/merge-patch+json' } };

let api: TestApi;
let server: Server;
let scheduler: Promise<void>;
const stopped = new AbortController();
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  // The example is plain JavaScript.
  const example = (await import(join(folder, 'licences.mjs'))) as {
    serve(port: number): Server;
  };
  server = example.serve(0);
  await once(server, 'listening');
  api = await startTestApi('embedded');
  scheduler = runScheduler({ ...parts(), signal: stopped.signal, identity: 'test' });
  await node('n1', '4');
  await node('n2', '0');
});

afterAll(async () => {
  stopped.abort();
  await scheduler;
  server.close();
  await api.stop();
});

const parts = () => ({
  client: api.client,
  clock: systemClock,
  random: systemRandom,
  log: createLog('silent'),
  moduleUrl: (name: string) => pathToFileURL(join(folder, name)).href,
});

async function node(name: string, seats: string) {
  const labels = { 'example.com/licence-seats': seats };
  const object = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
  await api.call('POST', '/api/v1/nodes', object);
  const allocatable = { cpu: '8', memory: '8Gi', pods: '110' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { allocatable, capacity: allocatable, conditions };
  await api.call('PATCH', `/api/v1/nodes/${name}/status`, { status }, patchType);
}

interface Asking {
  readonly dimension?: string;
  /** Of so many members. */
  readonly gang?: number;
}

async function create(name: string, need?: string, { dimension, gang }: Asking = {}) {
  const annotations = {
    ...(need === undefined ? {} : { [`dimension.berth.dev/${dimension ?? 'licence'}`]: need }),
    ...(gang === undefined ? {} : { 'berth.dev/gang-min-member': String(gang) }),
  };
  const labels = gang === undefined ? {} : { 'scheduling.x-k8s.io/pod-group': 'ring' };
  const containers = [{ name: 'c', image: 'web', resources: { requests: { cpu: '100m' } } }];
  const metadata = { name, annotations, labels };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } };
  expect((await api.call('POST', podsPath, body)).status).toBe(201);
}

const get = async (name: string): Promise<Pod> =>
  (await api.call('GET', `${podsPath}/${name}`)).body;

function untilBound(name: string): Promise<Pod> {
  return eventually(async () => {
    const pod = await get(name);
    expect(pod.spec.nodeName ?? '').not.toBe('');
    return pod;
  });
}

function untilRefused(name: string, words: string): Promise<void> {
  return eventually(async () => {
    const { status } = await get(name);
    const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled');
    expect(condition?.message).toContain(words);
  });
}

function allocation({ metadata }: Pod): unknown {
  return JSON.parse(metadata.annotations?.['berth.dev/allocation'] ?? '{}');
}

test('a dimension is added without a restart, decides, and fails only those that ask for it', async () => {
  await create('a', '3');
  await untilRefused('a', 'dimension licence is not known');

  const metadata = { name: 'licence' };
  const object = { apiVersion: 'berth.dev/v1', kind: 'Dimension', metadata, spec: { url: url() } };
  expect((await api.call('POST', dimensionsPath, object)).status).toBe(201);
  const first = await untilBound('a');
  expect(first.spec.nodeName).toBe('n1');
  expect(allocation(first)).toEqual({ licence: { seats: [1, 2, 3] } });

  await create('b', '2');
  await untilRefused('b', 'Insufficient licence seats (asked 2, ');
  await create('c', '1');
  expect(allocation(await untilBound('c'))).toEqual({ licence: { seats: [4] } });

  // What is released is free: nobody has to tell the program.
  await api.call('DELETE', `${podsPath}/a?gracePeriodSeconds=0`);
  expect(allocation(await untilBound('b'))).toEqual({ licence: { seats: [1, 2] } });

  server.close();
  server.closeAllConnections();
  await create('d', '1');
  await untilRefused('d', 'dimension licence gives no answer');
  await create('plain');
  await untilBound('plain');

  const module = { spec: { url: null, module: 'licences.mjs' } };
  const path = `${dimensionsPath}/licence`;
  expect((await api.call('PATCH', path, module, patchType)).status).toBe(200);
  const last = await untilBound('d');
  expect(allocation(last)).toEqual({ licence: { seats: [3] } });

  const ending = new AbortController();
  const { signal } = ending;
  const adviser = new Adviser({ ...parts(), signal });
  expect(await adviser.whyPod(last, signal)).toMatchObject({ state: 'Bound', node: 'n1', rank: 1 });
  // Two seats of four become free: each answer of the program is about what was planned before it.
  await api.call('DELETE', `${podsPath}/b?gracePeriodSeconds=0`);
  const planned = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations: { 'dimension.berth.dev/licence': '1' } },
    spec: { containers: [{ name: 'c', image: 'web' }] },
  });
  const applicant = { client: api.client, namespace: 'default', signal };
  await eventually(async () => {
    const plan = await adviser.plan(['x', 'y', 'z'].map(planned), applicant);
    const devices = plan.placements?.map((row) => row.devices ?? row.message?.split(' (')[0]);
    const none = '0/2 nodes are available: 2 Insufficient licence seats';
    expect(devices).toEqual([{ licence: { seats: [1] } }, { licence: { seats: [2] } }, none]);
  });
  ending.abort();
  await adviser.stopped();
}, 120_000);

test('members of a gang that ask for one dimension come to one node together, or not at all', async () => {
  // Two seats of four are free on n1, and the other node has none.
  for (const name of ['g-1', 'g-2', 'g-3']) await create(name, '1', { gang: 3 });
  await untilRefused('g-1', 'gang "ring": 2 of 3 members fit at the same time');
  const waiting = await Promise.all(['g-1', 'g-2', 'g-3'].map(get));
  expect(waiting.map(({ spec }) => spec.nodeName)).toEqual([undefined, undefined, undefined]);
  await api.call('DELETE', `${podsPath}/c?gracePeriodSeconds=0`);
  const together = await Promise.all(['g-1', 'g-2', 'g-3'].map(untilBound));
  expect(together.map(({ spec }) => spec.nodeName)).toEqual(['n1', 'n1', 'n1']);
  const seats = together.map(allocation);
  expect(seats).toEqual([1, 2, 4].map((seat) => ({ licence: { seats: [seat] } })));
});

test('an object that names no one to ask, or two, is refused with the field', async () => {
  const metadata = { name: 'other' };
  for (const spec of [{}, { url: 'http://x', module: 'x.mjs' }, { module: '../x.mjs' }]) {
    const object = { apiVersion: 'berth.dev/v1', kind: 'Dimension', metadata, spec };
    const answer = await api.call('POST', dimensionsPath, object);
    expect([answer.status, answer.body.message]).toEqual([422, expect.stringContaining('spec')]);
  }
});

test('a program over HTTPS is trusted by the bundle of its object, and by nothing else', async () => {
  const secure = await startWebhookServer(api.pki);
  try {
    secure.on('/v1/allocate', ({ nodes }) => ({
      nodes: nodes.map(({ name }: { name: string }) => ({ name, fits: true, piece: 'one' })),
    }));
    const path = `${dimensionsPath}/secure`;
    const metadata = { name: 'secure' };
    const spec = { url: secure.url };
    const object = { apiVersion: 'berth.dev/v1', kind: 'Dimension', metadata, spec };
    const odd = { ...object, spec: { url: 'http://127.0.0.1:1', caBundle: secure.caBundle } };
    expect((await api.call('POST', dimensionsPath, odd)).body.message).toMatch(/caBundle is for/);
    expect((await api.call('POST', dimensionsPath, object)).status).toBe(201);
    await create('distrusted', '1', { dimension: 'secure' });
    await untilRefused('distrusted', 'dimension secure gives no answer: unable to verify');
    const trusted = { spec: { caBundle: secure.caBundle } };
    expect((await api.call('PATCH', path, trusted, patchType)).status).toBe(200);
    expect(allocation(await untilBound('distrusted'))).toEqual({ secure: 'one' });
  } finally {
    await secure.stop();
  }
});

test('the example keeps to the protocol, both ways', async () => {
  const example = await import(join(folder, 'licences.mjs'));
  const again = (example as unknown as { serve(port: number): Server }).serve(0);
  await once(again, 'listening');
  const { port } = again.address() as AddressInfo;
  const labels = { 'example.com/licence-seats': '5' };
  const asked = { name: 'n', labels, capacity: {}, held: [] };
  const module = workerAsker(pathToFileURL(join(folder, 'licences.mjs')).href);
  for (const asker of [module, httpAsker(`http://127.0.0.1:${port}`)]) {
    const findings = await checkDimension({ asker, need: 2, node: asked, timeoutMs: 5_000 });
    expect(findings.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    expect(findings).toHaveLength(8);
  }
  await module.close?.();
  again.close();
  again.closeAllConnections();
});
