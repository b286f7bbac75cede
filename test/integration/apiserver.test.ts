/** The life of objects through the apiserver, over HTTPS, on both stores. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { configMaps } from '../../api/resources.gen.ts';
import {
  aliceToken,
  configMap,
  eventually,
  signal,
  startTestApi,
  storeKinds,
  type TestApi,
  widgetDefinition,
} from '../harness/apiserver.ts';

vi.setConfig({ testTimeout: 120_000 });

describe.each(storeKinds)('apiserver over %s', (kind) => {
  let api: TestApi;
  const at = '/api/v1/namespaces/work/configmaps';
  const widgets = '/apis/shop.example/v1/namespaces/work/widgets';
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const merge = { headers: { 'content-type': 'application/merge-patch+json' } };

  beforeAll(async () => {
    api = await startTestApi(kind);
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } };
    expect((await api.call('POST', '/api/v1/namespaces', namespace)).status).toBe(201);
    expect((await api.call('POST', crds, widgetDefinition('shop.example'))).status).toBe(201);
    await eventually(async () => expect((await api.call('GET', widgets)).status).toBe(200));
  });
  afterAll(() => api.stop());

  test('create, read, replace, delete; a taken name and an absent one', async () => {
    const made = await api.call('POST', at, configMap('a', { k: 'v' }));
    expect(made.status).toBe(201);
    expect(made.body.metadata).toMatchObject({ name: 'a', namespace: 'work' });
    expect(made.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect((await api.call('POST', at, configMap('a'))).body.reason).toBe('AlreadyExists');
    expect((await api.call('GET', `${at}/a`)).body).toEqual(made.body);
    const next = { ...made.body, data: { k: 'w' } };
    const replaced = await api.call('PUT', `${at}/a`, next);
    expect(replaced.status).toBe(200);
    expect(replaced.body.metadata.resourceVersion).not.toBe(made.body.metadata.resourceVersion);
    const gone = await api.call('DELETE', `${at}/a`);
    expect(gone.body).toMatchObject({ kind: 'Status', status: 'Success' });
    expect((await api.call('GET', `${at}/a`)).status).toBe(404);
  });

  test('events are the same objects in both of their groups', async () => {
    const [core, newer] = ['/api/v1', '/apis/events.k8s.io/v1'].map(
      (prefix) => `${prefix}/namespaces/work/events`,
    );
    const made = await api.call('POST', newer!, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'both' },
      eventTime: '2026-01-01T00:00:00.000001Z',
      reportingController: 'example.com/tester',
      reportingInstance: 'tester-1',
      action: 'Testing',
      reason: 'Tested',
      regarding: { kind: 'ConfigMap', namespace: 'work', name: 'a' },
      note: 'a note',
      type: 'Normal',
    });
    expect([made.status, made.body.note]).toEqual([201, 'a note']);
    const read = await api.call('GET', `${core}/both`);
    expect(read.body).toMatchObject({
      apiVersion: 'v1',
      message: 'a note',
      involvedObject: made.body.regarding,
      metadata: { uid: made.body.metadata.uid },
    });
    const series = { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' };
    const patched = await api.call('PATCH', `${newer}/both`, { series }, merge);
    expect([patched.status, patched.body.series, patched.body.note]).toEqual([
      200,
      series,
      'a note',
    ]);
    const again = await api.call('PATCH', `${newer}/both`, { series }, merge);
    expect(again.body).toEqual(patched.body);
    expect((await api.call('PATCH', `${newer}/both`, { note: 'new' }, merge)).status).toBe(422);
    const chosen = `${newer}?fieldSelector=regarding.name%3Da`;
    expect((await api.call('GET', chosen)).body.items).toHaveLength(1);
    expect((await api.call('GET', chosen)).body.items[0].note).toBe('a note');
    const dry = await api.call('PATCH', `${newer}/both?dryRun=All`, { series: null }, merge);
    expect([dry.status, dry.body.apiVersion]).toEqual([200, 'events.k8s.io/v1']);
    await api.call('DELETE', `${newer}/both`);
    expect((await api.call('GET', `${core}/both`)).status).toBe(404);
  });

  test('many events in one request: each is created, or fails, as if it had come alone', async () => {
    const path = '/apis/berth.dev/v1/events';
    const event = (name: string, namespace: string) => ({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace } },
      ...{ involvedObject: { kind: 'Pod', namespace, name: 'p' }, reason: 'Scheduled' },
    });
    const names = Array.from({ length: 60 }, (_, i) => `together-${i}`);
    const items = [...names.map((name) => event(name, 'work')), event('lost', 'nowhere')];
    const wrong = { ...event('wrong', 'work'), kind: 'Pod' };
    const body = { kind: 'EventList', apiVersion: 'berth.dev/v1', items: [...items, wrong] };
    const answer = await api.call('POST', path, body);
    expect(answer.status).toBe(201);
    expect(answer.body.items.slice(0, 60)).toEqual(names.map(() => ({})));
    expect(answer.body.items.slice(60)).toMatchObject([
      { error: { code: 404, reason: 'NotFound' } },
      { error: { code: 400 } },
    ]);
    const alone = await api.call('POST', '/api/v1/namespaces/work/events', event('alone', 'work'));
    const one = await api.call('GET', '/api/v1/namespaces/work/events/together-7');
    expect(Object.keys(one.body)).toEqual(Object.keys(alone.body));
    expect(one.body.metadata.managedFields).toHaveLength(1);
    for (const name of names)
      expect((await api.call('GET', `/api/v1/namespaces/work/events/${name}`)).status).toBe(200);
    const again = await api.call('POST', path, { ...body, items: items.slice(0, 1) });
    expect(again.body.items).toMatchObject([{ error: { code: 409, reason: 'AlreadyExists' } }]);
    expect((await api.call('POST', path, body, { token: aliceToken })).status).toBe(403);
    const tooMany = Array.from({ length: 501 }, (_, i) => event(`many-${i}`, 'work'));
    expect((await api.call('POST', path, { ...body, items: tooMany })).status).toBe(400);
  });

  test('generated names differ and keep their base', async () => {
    const object = { ...configMap(''), metadata: { generateName: 'gen-' } };
    const names = await Promise.all(
      Array.from(
        { length: 5 },
        async () => (await api.call('POST', at, object)).body.metadata.name,
      ),
    );
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  test('a PUT with a uid means that very object, one without a version may miss it', async () => {
    const uid = '22222222-2222-2222-2222-222222222222';
    const named = configMap('nobody', {}, { uid });
    expect((await api.call('PUT', `${at}/nobody`, named)).status).toBe(409);
    expect((await api.call('PUT', `${at}/nobody`, configMap('nobody'))).status).toBe(404);
  });

  test('of two writers with one version, one wins; without a version the last does', async () => {
    const { body } = await api.call('POST', at, configMap('race', { n: '0' }));
    const writes = ['1', '2', '3'].map((n) =>
      api.call('PUT', `${at}/race`, { ...body, data: { n } }),
    );
    const statuses = (await Promise.all(writes)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 409, 409]);
    const free = { ...body, metadata: { name: 'race' }, data: { n: 'last' } };
    expect((await api.call('PUT', `${at}/race`, free)).body.data).toEqual({ n: 'last' });
  });

  test('a write that changes nothing keeps version and generation', async () => {
    const object = {
      apiVersion: 'shop.example/v1',
      kind: 'Widget',
      metadata: { name: 'same' },
      spec: { size: 2 },
    };
    const made = (await api.call('POST', widgets, object)).body;
    expect(made.metadata.generation).toBe(1);
    expect((await api.call('PUT', `${widgets}/same`, made)).body).toEqual(made);
    const patched = await api.call('PATCH', `${widgets}/same`, { spec: { size: 2 } }, merge);
    expect(patched.body.metadata).toMatchObject({ generation: 1 });
    const changed = await api.call('PATCH', `${widgets}/same`, { spec: { size: 3 } }, merge);
    expect(changed.body.metadata.generation).toBe(2);
  });

  test('merge, JSON and strategic patches', async () => {
    await api.call('POST', at, configMap('p', { a: '1', b: '2' }));
    const type = (each: string) => ({ headers: { 'content-type': `application/${each}` } });
    const one = await api.call('PATCH', `${at}/p`, { data: { a: null, c: '3' } }, merge);
    expect(one.body.data).toEqual({ b: '2', c: '3' });
    const ops = [
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'replace', path: '/data/b', value: '9' },
    ];
    const two = await api.call('PATCH', `${at}/p`, ops, type('json-patch+json'));
    expect(two.body.data).toEqual({ b: '9', c: '3' });
    expect((await api.call('PATCH', `${at}/p`, ops, type('json-patch+json'))).status).toBe(422);
    const three = await api.call(
      'PATCH',
      `${at}/p`,
      { metadata: { labels: { x: 'y' } } },
      type('strategic-merge-patch+json'),
    );
    expect(three.body.metadata.labels).toEqual({ x: 'y' });
    expect((await api.call('PATCH', `${at}/p`, {}, type('json'))).status).toBe(415);
  });

  test('server-side apply: owners, conflicts, force, fields that are given up', async () => {
    const apply = (manager: string, data: object, query = '') =>
      api.call(
        'PATCH',
        `${at}/ssa?fieldManager=${manager}${query}`,
        { ...configMap('ssa'), data },
        {
          headers: { 'content-type': 'application/apply-patch+yaml' },
        },
      );
    expect((await apply('one', { a: '1', b: '1' })).status).toBe(201);
    const conflict = await apply('two', { a: '2' });
    expect(conflict.status).toBe(409);
    expect(conflict.body.details.causes[0].field).toBe('.data.a');
    expect((await apply('two', { a: '2' }, '&force=true')).body.data).toEqual({ a: '2', b: '1' });
    expect((await apply('one', {})).body.data).toEqual({ a: '2' });
  });

  test('dry run answers as if, and stores nothing', async () => {
    const made = await api.call('POST', `${at}?dryRun=All`, configMap('dry'));
    expect(made.status).toBe(201);
    expect((await api.call('GET', `${at}/dry`)).status).toBe(404);
    expect((await api.call('POST', `${at}?dryRun=Some`, configMap('dry'))).status).toBe(422);
  });

  test('status and scale are written apart from the rest', async () => {
    const object = {
      apiVersion: 'shop.example/v1',
      kind: 'Widget',
      metadata: { name: 'parts' },
      spec: { replicas: 1 },
      status: { phase: 'ignored' },
    };
    expect((await api.call('POST', widgets, object)).body.status).toBeUndefined();
    const status = { spec: { replicas: 9 }, status: { phase: 'Ready', replicas: 1 } };
    const written = await api.call('PATCH', `${widgets}/parts/status`, status, merge);
    expect(written.body).toMatchObject({ spec: { replicas: 1 }, status: { phase: 'Ready' } });
    expect(written.body.metadata.generation).toBe(1);
    const scale = await api.call('GET', `${widgets}/parts/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { replicas: 1 },
    });
    const scaled = await api.call('PUT', `${widgets}/parts/scale`, {
      ...scale.body,
      spec: { replicas: 4 },
    });
    expect(scaled.body.spec).toEqual({ replicas: 4 });
    expect((await api.call('GET', `${widgets}/parts`)).body).toMatchObject({
      spec: { replicas: 4 },
      metadata: { generation: 2 },
    });
    for (const broken of ['', '{', '[]'])
      expect((await api.call('PATCH', `${widgets}/parts/scale`, broken, merge)).status).toBe(400);
    expect((await api.call('DELETE', `${widgets}/parts/scale`)).status).toBe(405);
  });

  test('finalizers hold a deleted object until the last is taken off', async () => {
    await api.call('POST', at, configMap('held', {}, { finalizers: ['a.example/x'] }));
    const marked = await api.call('DELETE', `${at}/held`);
    expect(marked.body.metadata.deletionTimestamp).toBeDefined();
    const again = await api.call('POST', at, configMap('held'));
    expect(again.body.message).toMatch(/^object is being deleted: /);
    const more = { metadata: { finalizers: ['a.example/x', 'b.example/y'] } };
    expect((await api.call('PATCH', `${at}/held`, more, merge)).status).toBe(422);
    await api.call('PATCH', `${at}/held`, { metadata: { finalizers: null } }, merge);
    expect((await api.call('GET', `${at}/held`)).status).toBe(404);
  });

  test('a grace period longer than any date is as long as can be', async () => {
    const longest = 9_223_372_036;
    const pods = '/api/v1/namespaces/work/pods';
    for (const [name, own, query] of [
      ['asked', 30, '?gracePeriodSeconds=9223372036854775807'],
      ['own', Number.MAX_SAFE_INTEGER, ''],
    ] as const) {
      const spec = {
        nodeName: 'n9',
        containers: [{ name: 'main', image: 'berth.dev/none:1' }],
        terminationGracePeriodSeconds: own,
      };
      await api.call('POST', pods, { metadata: { name }, spec });
      const { status, body } = await api.call('DELETE', `${pods}/${name}${query}`);
      expect([status, body.metadata?.deletionGracePeriodSeconds]).toEqual([200, longest]);
      expect(new Date(body.metadata.deletionTimestamp).getUTCFullYear()).toBeGreaterThan(2300);
      await api.call('DELETE', `${pods}/${name}?gracePeriodSeconds=0`);
    }
  });

  test('preconditions and collections of deletions', async () => {
    const { body } = await api.call('POST', at, configMap('pre', {}, { labels: { del: 'yes' } }));
    const wrong = { preconditions: { uid: 'other' } };
    expect((await api.call('DELETE', `${at}/pre`, wrong)).status).toBe(409);
    const stale = { preconditions: { resourceVersion: '1' } };
    expect((await api.call('DELETE', `${at}/pre`, stale)).status).toBe(409);
    await api.call('POST', at, configMap('pre2', {}, { labels: { del: 'yes' } }));
    const deleted = await api.call('DELETE', `${at}?labelSelector=del%3Dyes`);
    expect(deleted.body.items.map((each: typeof body) => each.metadata.name)).toEqual([
      'pre',
      'pre2',
    ]);
    expect((await api.call('GET', `${at}?labelSelector=del`)).body.items).toEqual([]);
  });

  test('pages show one moment, whatever is written meanwhile', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `page-${i}`);
    for (const name of names)
      await api.call('POST', at, configMap(name, {}, { labels: { page: 'y' } }));
    const query = `${at}?labelSelector=page&limit=3`;
    const seen: string[] = [];
    let token = '';
    let version: string | undefined;
    do {
      const { body } = await api.call('GET', `${query}${token === '' ? '' : `&continue=${token}`}`);
      version ??= body.metadata.resourceVersion;
      expect(body.metadata.resourceVersion).toBe(version);
      seen.push(...body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
      token = body.metadata.continue ?? '';
      await api.call('DELETE', `${at}/page-5`);
      await api.call('POST', at, configMap('page-3x', {}, { labels: { page: 'y' } }));
    } while (token !== '');
    expect(seen).toEqual(names);
  });

  test('our own client reads lists of many pages and typed items', async () => {
    const { items } = await api.client.list(configMaps, { namespace: 'work', signal });
    expect(items.length).toBeGreaterThan(5);
    expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  });

  test('a definition comes, changes, and goes with its objects', async () => {
    const path = '/apis/life.example/v1/namespaces/work/widgets';
    const own = `${crds}/widgets.life.example`;
    const widget = (name: string, more = {}) => ({
      apiVersion: 'life.example/v1',
      kind: 'Widget',
      metadata: { name, ...more },
    });
    expect((await api.call('GET', path)).status).toBe(404);
    await api.call('POST', crds, widgetDefinition('life.example'));
    // Whoever reads it next finds its conditions: `kubectl wait` takes null for an error.
    const { conditions } = (await api.call('GET', own)).body.status;
    expect(conditions.map(({ type, status }: Record<string, string>) => [type, status])).toEqual([
      ['NamesAccepted', 'True'],
      ['Established', 'True'],
    ]);
    expect((await api.call('GET', path)).status).toBe(200);
    await api.call('POST', path, { ...widget('a'), spec: {} });
    await api.call('POST', path, { ...widget('held', { finalizers: ['x.example/y'] }), spec: {} });
    expect((await api.call('GET', `${path}/a`)).body.spec).toEqual({ size: 1 });
    const bad = await api.call('POST', path, { ...widget('bad'), spec: { color: 'green' } });
    expect(bad.body.details.causes[0].field).toBe('spec.color');
    const schema = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties';
    const change = [
      { op: 'add', path: `${schema}/weight`, value: { type: 'integer', default: 7 } },
    ];
    await api.call('PATCH', own, change, {
      headers: { 'content-type': 'application/json-patch+json' },
    });
    await eventually(async () =>
      expect((await api.call('GET', `${path}/a`)).body.spec.weight).toBe(7),
    );
    await api.call('DELETE', own);
    await eventually(async () => expect((await api.call('GET', `${path}/a`)).status).toBe(404));
    expect((await api.call('POST', path, { ...widget('new'), spec: {} })).status).toBe(403);
    // One that waits for its objects holds up no other.
    await api.call('POST', crds, widgetDefinition('other.example'));
    await eventually(async () =>
      expect((await api.call('GET', '/apis/other.example/v1/widgets')).status).toBe(200),
    );
    await api.call('PATCH', `${path}/held`, { metadata: { finalizers: null } }, merge);
    await eventually(async () => expect((await api.call('GET', own)).status).toBe(404));
    expect((await api.call('GET', path)).status).toBe(404);
  });

  test('rules of a definition are judged when it is made, and objects by them', async () => {
    const definition = widgetDefinition('rules.example');
    const schema = definition.spec.versions[0].schema.openAPIV3Schema;
    schema.properties.spec['x-kubernetes-validations'] = [{ rule: 'self.nope > 0' }];
    const refused = await api.call('POST', `${crds}?dryRun=All`, definition);
    expect(refused.status).toBe(422);
    expect(refused.body.message).toContain("undefined field 'nope'");
    schema.properties.spec['x-kubernetes-validations'] = [{ rule: 'self.size > 0' }];
    const made = await api.call('POST', `${crds}?dryRun=All`, definition);
    expect(made.status).toBe(201);
  });

  test('a namespace that ends takes no new objects; one that is not there is named', async () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ending' } };
    await api.call('POST', '/api/v1/namespaces', namespace);
    const marked = await api.call('DELETE', '/api/v1/namespaces/ending');
    expect(marked.body.status.phase).toBe('Terminating');
    const refused = await api.call('POST', '/api/v1/namespaces/ending/configmaps', configMap('x'));
    expect(refused.body.details.causes[0].reason).toBe('NamespaceTerminating');
    const nowhere = await api.call('POST', '/api/v1/namespaces/nowhere/configmaps', configMap('x'));
    expect([nowhere.status, nowhere.body.message]).toEqual([
      404,
      expect.stringContaining('kubectl create namespace nowhere'),
    ]);
    const ended = { ...marked.body, spec: { finalizers: [] } };
    await api.call('PUT', '/api/v1/namespaces/ending/finalize', ended);
    expect((await api.call('GET', '/api/v1/namespaces/ending')).status).toBe(404);
  });
});
