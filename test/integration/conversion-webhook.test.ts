/** Versions of custom kinds that a webhook converts. Expected is what kube-apiserver 1.32 was seen to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Body, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { startWebhookServer, type WebhookServer } from '../harness/webhook-server.ts';

let api: TestApi;
let hook: WebhookServer;
const group = 'conv.example.com';
const gizmos = (version: string) => `/apis/${group}/${version}/namespaces/default/gizmos`;
const merge = { headers: { 'content-type': 'application/merge-patch+json' } };

/** v1 has `spec.a`, v2 has `spec.b`. */
function converted(object: Body, desired: string): Body {
  const { a, b, ...rest } = object.spec ?? {};
  const value = a ?? b;
  const field = desired.endsWith('/v1') ? 'a' : 'b';
  const spec = value === undefined ? rest : { ...rest, [field]: value };
  return { ...object, apiVersion: desired, spec };
}

function answered({ request }: Body, change: (object: Body) => Body = (object) => object): Body {
  const objects = request.objects.map((each: Body) =>
    change(converted(each, request.desiredAPIVersion)),
  );
  const result = { status: 'Success' };
  return reviewOf({ uid: request.uid, result, convertedObjects: objects });
}

function reviewOf(response: Body): Body {
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response };
}

function gizmo(version: string, name: string, spec: Body, more: Body = {}): Body {
  const apiVersion = `${group}/${version}`;
  return { apiVersion, kind: 'Gizmo', metadata: { name, ...more }, spec };
}

beforeAll(async () => {
  api = await startTestApi('embedded');
  hook = await startWebhookServer(api.pki);
  hook.on('/convert', (review) => answered(review));
  const version = (name: string, field: string) => ({
    name,
    served: true,
    storage: name === 'v1',
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            properties: { [field]: { type: 'string' }, replicas: { type: 'integer' } },
          },
          status: { type: 'object', properties: { replicas: { type: 'integer' } } },
        },
      },
    },
    subresources: {
      scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
    },
  });
  const clientConfig = { url: `${hook.url}/convert`, caBundle: hook.caBundle };
  const definition = {
    metadata: { name: `gizmos.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'gizmos', kind: 'Gizmo' },
      versions: [version('v1', 'a'), version('v2', 'b')],
      conversion: {
        strategy: 'Webhook',
        webhook: { clientConfig, conversionReviewVersions: ['v1'] },
      },
    },
  };
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const answer = await api.call('POST', path, definition);
  expect(answer.status, answer.text).toBe(201);
  await eventually(async () => expect((await api.call('GET', gizmos('v2'))).status).toBe(200));
}, 120_000);

afterAll(async () => {
  await hook?.stop();
  await api?.stop();
});

async function made(version: string, name: string, spec: Body, more: Body = {}): Promise<Body> {
  const answer = await api.call('POST', gizmos(version), gizmo(version, name, spec, more));
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

describe('an object that is read in another version than the stored one', () => {
  it('is converted, with one question in the words of Kubernetes', async () => {
    await made('v1', 'c1', { a: 'x' });
    hook.take();
    const { body } = await api.call('GET', `${gizmos('v2')}/c1`);
    expect(body).toMatchObject({ apiVersion: `${group}/v2`, kind: 'Gizmo', spec: { b: 'x' } });
    expect(body.metadata.resourceVersion).toBeTruthy();
    const [call, ...more] = hook.take();
    expect(more).toEqual([]);
    expect(call).toMatchObject({
      path: '/convert',
      timeout: '30s',
      review: {
        kind: 'ConversionReview',
        apiVersion: 'apiextensions.k8s.io/v1',
        request: {
          desiredAPIVersion: `${group}/v2`,
          objects: [{ apiVersion: `${group}/v1`, kind: 'Gizmo', spec: { a: 'x' } }],
        },
      },
    });
    expect(call?.review.request.objects[0].metadata.resourceVersion).toBeUndefined();
  });

  it('comes in a list in its place, all of them by one question', async () => {
    await made('v1', 'l1', { a: '1' }, { labels: { list: 'yes' } });
    await made('v2', 'l2', { b: '2' }, { labels: { list: 'yes' } });
    await made('v1', 'l3', { a: '3' }, { labels: { list: 'yes' } });
    hook.take();
    const path = `${gizmos('v2')}?labelSelector=list%3Dyes`;
    const { body } = await api.call('GET', path);
    expect(body.items.map(({ spec }: Body) => spec)).toEqual([{ b: '1' }, { b: '2' }, { b: '3' }]);
    expect(hook.take().length).toBeLessThanOrEqual(1);
    await api.call('GET', path);
    expect(hook.take()).toEqual([]);
  });

  it('reaches watchers of each version in theirs, also as it goes', async () => {
    const { body } = await api.call('GET', gizmos('v2'));
    const since = `resourceVersion=${body.metadata.resourceVersion}`;
    const watching = await api.watch(`${gizmos('v2')}?watch=true&${since}`);
    const other = await api.watch(`${gizmos('v2')}?watch=true&${since}`);
    hook.take();
    await made('v1', 'w1', { a: 'x' });
    expect((await api.call('DELETE', `${gizmos('v1')}/w1`)).status).toBe(200);
    for (const each of [watching, other]) {
      await each.atLeast(2);
      each.close();
    }
    // However many watch, each object is converted once.
    expect(hook.take()).toHaveLength(1);
    expect(
      watching.events.map(({ type, object }) => [type, object.apiVersion, object.spec]),
    ).toEqual([
      ['ADDED', `${group}/v2`, { b: 'x' }],
      ['DELETED', `${group}/v2`, { b: 'x' }],
    ]);
  });
});

describe('an object that is written in another version than the stored one', () => {
  it('is stored in the stored one, and answered as it was sent', async () => {
    expect((await made('v2', 'c2', { b: 'y' })).spec).toEqual({ b: 'y' });
    const stored = await api.call('GET', `${gizmos('v1')}/c2`);
    expect(stored.body).toMatchObject({ apiVersion: `${group}/v1`, spec: { a: 'y' } });
    const patched = await api.call('PATCH', `${gizmos('v2')}/c2`, { spec: { b: 'z' } }, merge);
    expect(patched.body).toMatchObject({ spec: { b: 'z' }, metadata: { generation: 2 } });
    expect((await api.call('GET', `${gizmos('v1')}/c2`)).body.spec).toEqual({ a: 'z' });
    const put = { ...patched.body, spec: { b: 'q' } };
    expect((await api.call('PUT', `${gizmos('v2')}/c2`, put)).body.spec).toEqual({ b: 'q' });
    const applied = await api.call(
      'PATCH',
      `${gizmos('v2')}/c3?fieldManager=me`,
      gizmo('v2', 'c3', { b: 'applied' }),
      { headers: { 'content-type': 'application/apply-patch+yaml' } },
    );
    expect(applied.body).toMatchObject({ apiVersion: `${group}/v2`, spec: { b: 'applied' } });
    const scaled = await api.call(
      'PATCH',
      `${gizmos('v2')}/c3/scale`,
      { spec: { replicas: 3 } },
      merge,
    );
    expect(scaled.body.spec).toEqual({ replicas: 3 });
    const dry = await api.call(
      'POST',
      `${gizmos('v2')}?dryRun=All`,
      gizmo('v2', 'dry', { b: 'd' }),
    );
    expect(dry.body.spec).toEqual({ b: 'd' });
    expect((await api.call('DELETE', `${gizmos('v2')}/c2`)).status).toBe(200);
  });
});

describe('a conversion that fails', () => {
  const from = `conversion webhook for ${group}/v1, Kind=Gizmo`;

  it.each<[string, (review: Body) => Body, string]>([
    [
      'with a message',
      ({ request: { uid } }) =>
        reviewOf({ uid, result: { status: 'Failure', message: 'cannot convert' } }),
      `${from} failed: cannot convert`,
    ],
    [
      'with an error',
      () => ({ status: 500, text: 'boom' }),
      `${from} failed: an error on the server`,
    ],
    ['without a response', () => reviewOf(undefined), `${from} failed: no response provided`],
    [
      'with too few objects',
      ({ request: { uid } }) =>
        reviewOf({ uid, result: { status: 'Success' }, convertedObjects: [] }),
      `${from} returned 0 objects, expected 1`,
    ],
    [
      'with another version',
      (review) => answered(review, (object) => ({ ...object, apiVersion: `${group}/v3` })),
      `returned invalid converted object at index 0: invalid groupVersion (expected ${group}/v2, received ${group}/v3)`,
    ],
    [
      'with another name',
      (review) =>
        answered(review, (object) => ({ ...object, metadata: { ...object.metadata, name: 'x' } })),
      'must have the same name: ',
    ],
    [
      'with a label that is none',
      (review) =>
        answered(review, (object) => ({
          ...object,
          metadata: { ...object.metadata, labels: { a: 'b c' } },
        })),
      'returned invalid metadata in object at index 0: metadata.labels',
    ],
  ])('%s is answered with 500', async (how, handler, message) => {
    const name = `f-${how.replaceAll(' ', '-')}`;
    await made('v1', name, { a: 'x' });
    hook.on('/convert', handler);
    const one = await api.call('GET', `${gizmos('v2')}/${name}`);
    const created = await api.call('POST', gizmos('v2'), gizmo('v2', `${name}-2`, { b: 'x' }));
    hook.on('/convert', (review) => answered(review));
    expect(one.status).toBe(500);
    expect(one.body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: expect.stringContaining(message),
      code: 500,
    });
    expect(created.status).toBe(500);
    expect((await api.call('GET', `${gizmos('v1')}/${name}-2`)).status).toBe(404);
    expect((await api.call('GET', `${gizmos('v2')}/${name}`)).body.spec).toEqual({ b: 'x' });
  });

  it('changes of metadata labels and annotations only', async () => {
    const change = (object: Body) => ({
      ...object,
      metadata: { ...object.metadata, labels: { via: 'webhook' }, generation: 99 },
    });
    await made('v1', 'meta', { a: 'x' }, { labels: { old: 'yes' } });
    hook.on('/convert', (review) => answered(review, change));
    const { body } = await api.call('GET', `${gizmos('v2')}/meta`);
    hook.on('/convert', (review) => answered(review));
    expect(body.metadata).toMatchObject({ labels: { via: 'webhook' }, generation: 1 });
    expect(body.metadata.labels.old).toBeUndefined();
  });
});
