import { expect, test } from 'vitest';
import type { KubeObject } from '../api/meta.ts';
import { StatusError } from '../api/status.ts';
import { FakeClock } from '../lib/clock.ts';
import { kind, object } from '../test/harness/fake-api.ts';
import type { WatchEvent } from './client.ts';
import { createClient } from './rest-client.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';

const pods = kind('', 'v1', 'Pod');
const widgets = kind('example.com', 'v1', 'Widget');
const signal = new AbortController().signal;

type Answer = Partial<Omit<TransportResponse, 'body'>> & { body?: unknown; chunks?: string[] };

function setup(...answers: (Answer | Error)[]) {
  const requests: TransportRequest[] = [];
  const clock = new FakeClock();
  const client = createClient(
    async (request) => {
      requests.push(request);
      const answer = answers.shift() ?? new Error('unexpected request');
      if (answer instanceof Error) throw answer;
      const chunks = answer.chunks ?? [JSON.stringify(answer.body ?? {})];
      return {
        status: answer.status ?? 200,
        headers: answer.headers ?? {},
        body: (async function* () {
          for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
        })(),
      };
    },
    { userAgent: 'berth-test/1', clock },
  );
  const paths = () => requests.map(({ method, path }) => `${method} ${path}`);
  return { client, clock, requests, paths };
}

const bodyOf = (request: TransportRequest | undefined): unknown =>
  JSON.parse(Buffer.from(request?.body ?? []).toString());

test('builds paths for every scope and verb', async () => {
  const { client, paths, requests } = setup(...Array.from({ length: 9 }, () => ({})));
  const key = { namespace: 'a', name: 'x' };
  await client.get(pods, key, { signal });
  await client.get(kind('', 'v1', 'Node', false), { name: 'n' }, { signal });
  await client.create(widgets, object(widgets, 'a/x'), { signal, fieldManager: 'm' });
  await client.update(widgets, object(widgets, 'a/x'), { signal, subresource: 'status' });
  await client.patch(widgets, key, { spec: null }, { signal, dryRun: true });
  await client.patch(pods, key, [{ op: 'test' }], { signal, type: 'json' });
  await client.apply(pods, object(pods, 'a/x'), { signal, fieldManager: 'm', force: true });
  await client.delete(pods, key, { signal, preconditions: { uid: 'u' } });
  await client.post('/api/v1/bindings', { a: 1n }, { signal });
  expect(paths()).toEqual([
    'GET /api/v1/namespaces/a/pods/x',
    'GET /api/v1/nodes/n',
    'POST /apis/example.com/v1/namespaces/a/widgets?fieldManager=m',
    'PUT /apis/example.com/v1/namespaces/a/widgets/x/status',
    'PATCH /apis/example.com/v1/namespaces/a/widgets/x?dryRun=All',
    'PATCH /api/v1/namespaces/a/pods/x',
    'PATCH /api/v1/namespaces/a/pods/x?fieldManager=m&force=true',
    'DELETE /api/v1/namespaces/a/pods/x',
    'POST /api/v1/bindings',
  ]);
  expect(requests.map(({ headers }) => headers['content-type'])).toEqual([
    undefined,
    undefined,
    'application/json',
    'application/json',
    'application/merge-patch+json',
    'application/json-patch+json',
    'application/apply-patch+yaml',
    'application/json',
    'application/json',
  ]);
  expect(bodyOf(requests[7])).toMatchObject({ kind: 'DeleteOptions', preconditions: { uid: 'u' } });
  expect(bodyOf(requests[8])).toEqual({ a: 1 });
});

test('lists all pages, starts over when a page expired, and names the kind of each item', async () => {
  const item = (name: string) => ({ metadata: { name } });
  const { client, paths } = setup(
    { body: { metadata: { resourceVersion: '5', continue: 't1' }, items: [item('a')] } },
    { status: 410, body: { kind: 'Status', code: 410, reason: 'Expired' } },
    { body: { metadata: { resourceVersion: '9', continue: 't2' }, items: [item('a')] } },
    { body: { metadata: { resourceVersion: '9' }, items: [item('b')] } },
  );
  const list = await client.list<KubeObject>(pods, { signal, labelSelector: 'a=b,c' });
  expect(list.resourceVersion).toBe('9');
  expect(list.items.map((o) => `${o.apiVersion} ${o.kind} ${o.metadata.name}`)).toEqual([
    'v1 Pod a',
    'v1 Pod b',
  ]);
  expect(paths()).toEqual([
    'GET /api/v1/pods?limit=500&labelSelector=a%3Db%2Cc',
    'GET /api/v1/pods?limit=500&continue=t1&labelSelector=a%3Db%2Cc',
    'GET /api/v1/pods?limit=500&labelSelector=a%3Db%2Cc',
    'GET /api/v1/pods?limit=500&continue=t2&labelSelector=a%3Db%2Cc',
  ]);
});

test('errors carry what the server said', async () => {
  const details = { name: 'x', kind: 'pods' };
  const { client } = setup(
    { status: 404, body: { kind: 'Status', code: 404, reason: 'NotFound', message: 'm', details } },
    { status: 404, chunks: ['404 page not found\n'] },
    new Error('connect ECONNREFUSED'),
    { chunks: ['not json'] },
  );
  const failure = () => client.get(pods, { namespace: 'a', name: 'x' }, { signal }).catch((e) => e);
  expect(await failure()).toMatchObject({ code: 404, reason: 'NotFound', message: 'm', details });
  expect(await failure()).toMatchObject({ reason: 'NotFound', message: '404 page not found' });
  expect(await failure()).toMatchObject({ code: 503, reason: 'ServiceUnavailable' });
  expect(await failure()).toMatchObject({ code: 500, reason: 'InternalError' });
});

test('waits as long as the server says when there is too much to do', async () => {
  const { client, clock, paths } = setup(
    { status: 429, headers: { 'retry-after': '3' }, body: { kind: 'Status' } },
    { body: { metadata: { name: 'x' } } },
  );
  const answer = client.get(pods, { namespace: 'a', name: 'x' }, { signal });
  await clock.advance(2_900);
  expect(paths()).toHaveLength(1);
  await clock.advance(100);
  await answer;
  expect(paths()).toHaveLength(2);
});

test('an aborted call rejects with the reason of the signal', async () => {
  const { client } = setup(new Error('aborted'));
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  const call = client.get(pods, { namespace: 'a', name: 'x' }, { signal: stop.signal });
  await expect(call).rejects.toThrow('enough');
});

async function watchAll(chunks: string[]) {
  const { client } = setup({ chunks });
  const events: WatchEvent<KubeObject>[] = [];
  let error: unknown;
  try {
    const options = { signal, resourceVersion: '1' };
    for await (const event of client.watch<KubeObject>(widgets, options)) events.push(event);
  } catch (thrown) {
    error = thrown;
  }
  return { events, error };
}

test('reads a watch however its bytes are cut', async () => {
  const lines = [
    { type: 'ADDED', object: { metadata: { name: 'ä→🚢' } } },
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } },
    { type: 'DELETED', object: { metadata: { name: 'b' } } },
  ].map((line) => `${JSON.stringify(line)}\n`);
  const bytes = Buffer.from(lines.join('')).toString('latin1');
  for (const size of [1, 2, 3, 7, 50, 10_000]) {
    const chunks = bytes.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    const { events, error } = await watchAll(chunks);
    expect(error).toBeUndefined();
    expect(events).toMatchObject([
      { type: 'ADDED', object: { kind: 'Widget', metadata: { name: 'ä→🚢' } } },
      { type: 'BOOKMARK', resourceVersion: '7' },
      { type: 'DELETED' },
    ]);
  }
});

test('an ERROR event, or a line that is no JSON, ends the watch with an error', async () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  const expired = await watchAll([`${JSON.stringify({ type: 'ERROR', object: status })}\n`]);
  expect(expired.error).toBeInstanceOf(StatusError);
  expect(expired.error).toMatchObject({ code: 410, reason: 'Expired' });
  const broken = await watchAll(['{"type":"ADDED"\n']);
  expect(broken.error).toMatchObject({ code: 500 });
});
