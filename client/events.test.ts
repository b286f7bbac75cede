import { expect, test } from 'vitest';
import type { KubeObject } from '../api/meta.ts';
import { StatusError } from '../api/status.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { seededRandom } from '../lib/random.ts';
import { FakeApi, kind, object } from '../test/harness/fake-api.ts';
import { createEventRecorder } from './events.ts';

const events = kind('', 'v1', 'Event');
const pods = kind('', 'v1', 'Pod');
const pod = object(pods, 'default/web-0', {}, { uid: 'u1' });

interface StoredEvent {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly lastTimestamp: string;
}

function setup() {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const api = new FakeApi({ clock, random });
  const recorder = createEventRecorder({
    client: api,
    clock,
    random,
    log: silentLog,
    component: 'test',
  });
  const stored = () => api.all(events) as unknown as StoredEvent[];
  const record = (reason: string, message: string) =>
    recorder.recordEvent({ involvedObject: pod, type: 'Normal', reason, message });
  return { clock, random, api, recorder, stored, record };
}

test('a repeated event is counted, not written again', async () => {
  const { clock, recorder, stored, record } = setup();
  record('Pulled', 'image there');
  await recorder.flush();
  await clock.advance(5_000);
  record('Pulled', 'image there');
  record('Started', 'up');
  await recorder.flush();
  expect(stored().map(({ reason, count }) => [reason, count])).toEqual([
    ['Pulled', 2],
    ['Started', 1],
  ]);
  expect(stored()[0]?.lastTimestamp).toBe('2026-01-01T00:00:05Z');
});

test('a flood about one object is cut off, and similar messages are combined', async () => {
  const { recorder, stored, record } = setup();
  for (let i = 0; i < 100; i += 1) record('Failed', `try ${i}`);
  await recorder.flush();
  expect(stored()).toHaveLength(11);
  expect(stored().at(-1)?.message).toContain('combined from similar events');
  expect(stored().reduce((sum, event) => sum + event.count, 0)).toBe(25);
});

test('never throws into the caller, and starts over when the series was deleted', async () => {
  const { api, recorder, stored, record } = setup();
  api.before = () => {
    throw new StatusError(503, 'ServiceUnavailable', 'away');
  };
  record('Pulled', 'a');
  await recorder.flush();
  api.before = () => {};
  record('Pulled', 'a');
  await recorder.flush();
  const signal = new AbortController().signal;
  for (const event of api.all(events)) {
    const { name = '', namespace = '' } = event.metadata;
    await api.delete(events, { name, namespace }, { signal });
  }
  record('Pulled', 'a');
  await recorder.flush();
  expect(stored().map(({ count }) => count)).toEqual([1]);
});

test('the name of an event is one also where that of its object is cut', async () => {
  const { api, recorder } = setup();
  const name = `${'a'.repeat(229)}-b`;
  const involvedObject = object(pods, `default/${name}`, {}, { uid: 'u2' });
  recorder.recordEvent({ involvedObject, type: 'Normal', reason: 'Pulled', message: 'there' });
  await recorder.flush();
  expect(api.all(events)[0]?.metadata.name).toMatch(/a\.[a-z0-9]+$/);
});

test('a clock that was set back does not silence an object', async () => {
  const { clock, recorder, stored, record } = setup();
  record('Pulled', 'there');
  await recorder.flush();
  const realNow = clock.now.bind(clock);
  clock.now = () => realNow() - 31 * 86_400_000;
  record('Started', 'up');
  await recorder.flush();
  expect(stored()).toHaveLength(2);
});

test('many are written at once, those about one object in their order', async () => {
  const { api, recorder, stored } = setup();
  let [atOnce, most] = [0, 0];
  const create = api.create.bind(api);
  api.create = async (...args) => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    return create(...args);
  };
  for (let i = 0; i < 60; i += 1) {
    const about = object(pods, `default/web-${i % 20}`, {}, { uid: `u${i % 20}` });
    recorder.recordEvent({
      involvedObject: about,
      type: 'Normal',
      reason: 'Step',
      message: `${i}`,
    });
  }
  await recorder.flush();
  expect(most).toBe(8);
  expect(stored()).toHaveLength(60);
  const written = api.calls.filter(({ verb }) => verb === 'create').map(({ key }) => key);
  const messageOf = new Map(
    stored().map((event) => {
      const { metadata } = event as unknown as { metadata: { namespace: string; name: string } };
      return [`${metadata.namespace}/${metadata.name}`, Number(event.message)];
    }),
  );
  const order = written.map((key) => messageOf.get(key ?? '') ?? -1);
  for (let pod = 0; pod < 20; pod += 1)
    expect(order.filter((i) => i % 20 === pod)).toEqual([pod, pod + 20, pod + 40]);
});

test('together they go in one request; what fails of them fails alone', async () => {
  const { api, clock, random } = setup();
  const posted: { readonly path: string; readonly names: string[] }[] = [];
  api.post = async <T>(path: string, body?: unknown): Promise<T> => {
    // As the recorder sends it.
    const { items } = body as { items: (KubeObject & { involvedObject: { name: string } })[] };
    posted.push({ path, names: items.map(({ involvedObject }) => involvedObject.name) });
    const failed = { error: { code: 404, reason: 'NotFound', message: 'no such namespace' } };
    const answers = items.map(async (item) => {
      if (item.involvedObject.name === 'web-1') return failed;
      await api.create(events, item, { signal: new AbortController().signal });
      return {};
    });
    return { items: await Promise.all(answers) } as T;
  };
  const recorder = createEventRecorder({
    client: api,
    clock,
    random,
    log: silentLog,
    component: 'test',
    together: true,
  });
  const record = (i: number, reason: string) =>
    recorder.recordEvent({
      involvedObject: object(pods, `default/web-${i}`, {}, { uid: `u${i}` }),
      type: 'Normal',
      reason,
      message: 'm',
    });
  for (let i = 0; i < 150; i += 1) record(i, 'Scheduled');
  record(0, 'Later');
  await recorder.flush();
  expect(posted.map(({ path, names }) => [path, names.length])).toEqual([
    ['/apis/berth.dev/v1/events', 100],
    ['/apis/berth.dev/v1/events', 50],
  ]);
  expect(api.all(events)).toHaveLength(150);
  api.calls.length = 0;
  // Written before: counted. Refused before: begun again.
  for (const i of [1, 2, 3]) record(i, 'Scheduled');
  await recorder.flush();
  expect(api.calls.map(({ verb }) => verb).sort()).toEqual(['create', 'patch', 'patch']);
});

test('with one writer, all that comes during a request goes in the next', async () => {
  const { api, clock, random, stored } = setup();
  const posted: number[] = [];
  const post = api.post.bind(api);
  api.post = async (path, body, options) => {
    posted.push((body as { readonly items: readonly unknown[] }).items.length);
    return await post(path, body, options);
  };
  const recorder = createEventRecorder({
    ...{ client: api, clock, random, log: silentLog, component: 'test' },
    ...{ together: true, writers: 1 },
  });
  const record = (name: string, reason: string) =>
    recorder.recordEvent({
      involvedObject: object(pods, `default/${name}`, {}, { uid: name }),
      type: 'Normal',
      reason,
      message: 'm',
    });
  record('web-0', 'Created');
  for (let turns = 0; turns < 3; turns += 1) await Promise.resolve();
  for (const name of ['web-0', 'web-1', 'web-2']) record(name, 'Started');
  await recorder.flush();
  expect(posted).toEqual([3]);
  expect(stored().map(({ reason }) => reason)).toEqual([
    'Created',
    'Started',
    'Started',
    'Started',
  ]);
});

test('what comes just as the only writer ends is written', async () => {
  const { api, clock, random, stored } = setup();
  const options = { client: api, clock, random, log: silentLog, component: 'test', writers: 1 };
  for (let turns = 0; turns < 40; turns += 1) {
    const recorder = createEventRecorder(options);
    const record = (reason: string) =>
      recorder.recordEvent({ involvedObject: pod, type: 'Normal', reason, message: 'm' });
    record(`First${turns}`);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    record(`Second${turns}`);
    await recorder.flush();
  }
  expect(stored()).toHaveLength(80);
});
