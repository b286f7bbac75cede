import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { StatusError } from '../../api/status.ts';
import { type ApplyOptions, applyObject, setOf, trackUpdate } from './index.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        namespace: { type: 'string' },
        uid: { type: 'string' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        annotations: { type: 'object', additionalProperties: { type: 'string' } },
        managedFields: { type: 'array', items: { type: 'object' } },
      },
    },
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        atoms: {
          type: 'object',
          'x-kubernetes-map-type': 'atomic',
          additionalProperties: { type: 'string' },
        },
        steps: { type: 'array', items: { type: 'string' } },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: {
            type: 'object',
            properties: {
              port: { type: 'integer' },
              protocol: { type: 'string', default: 'TCP' },
              name: { type: 'string' },
            },
          },
        },
      },
    },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const apiVersion = 'example.com/v1';
const base = { apiVersion, kind: 'Widget', schema, now: '2026-01-01T00:00:00Z' };

function widget(spec: JsonObject): JsonObject {
  return { apiVersion, kind: 'Widget', metadata: { name: 'w' }, spec };
}

function apply(
  live: JsonObject | undefined,
  manager: string,
  spec: JsonObject,
  more: Partial<ApplyOptions> = {},
): JsonObject {
  return applyObject({ ...base, live, applied: widget(spec), manager, force: false, ...more })
    .object;
}

function update(live: JsonObject | undefined, next: JsonObject, manager: string, now = base.now) {
  const managedFields = trackUpdate({ ...base, live, next, manager, now });
  const { metadata } = next;
  return {
    ...next,
    metadata: { ...(metadata as JsonObject), managedFields },
  } as unknown as JsonObject;
}

function owners(object: JsonObject): Record<string, unknown> {
  const entries = (object['metadata'] as JsonObject)['managedFields'] as JsonObject[] | undefined;
  return Object.fromEntries(
    (entries ?? []).map((e) => [`${e['manager']} ${e['operation']}`, e['fieldsV1']]),
  );
}

function failure(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

describe('applyObject', () => {
  it('owns what it sends, keys with their defaults, and nothing of the server', () => {
    const live = apply(undefined, 'one', { size: 3, labels: { a: '1' }, ports: [{ port: 80 }] });
    expect(owners(live)).toEqual({
      'one Apply': {
        'f:spec': {
          'f:labels': { 'f:a': {} },
          'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
          'f:size': {},
        },
      },
    });
  });

  it('removes what only it owned, keeps what another owns too', () => {
    const first = apply(undefined, 'one', { size: 3, labels: { a: '1', b: '2' }, tags: ['x'] });
    const shared = apply(first, 'two', { size: 3, tags: ['x', 'y'] });
    const less = apply(shared, 'one', { labels: { b: '2' } });
    expect(less['spec']).toEqual({ size: 3, labels: { b: '2' }, tags: ['x', 'y'] });
  });

  it('takes a struct away with its last owner', () => {
    const first = apply(undefined, 'one', { size: 3, labels: { a: '1' } });
    expect(apply(first, 'one', { size: 3 })['spec']).toEqual({ size: 3 });
  });

  it('keeps what an updater set', () => {
    const first = apply(undefined, 'one', { size: 3, labels: { a: '1' } });
    const next = { ...first, spec: { size: 3, labels: { a: '1', u: '1' } } };
    const updated = update(first, next, 'editor');
    expect(apply(updated, 'one', { size: 3 })['spec']).toEqual({ size: 3, labels: { u: '1' } });
  });

  it('refuses to change what others own, with a cause for each field', () => {
    const live = apply(undefined, 'm1', { size: 3, labels: { a: '1' } });
    const error = failure(() => apply(live, 'm2', { size: 4, labels: { a: 'x' } }));
    expect(error.code).toBe(409);
    expect(error.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.size\n- .spec.labels.a',
    );
    expect(error.details?.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.spec.size' },
      { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.spec.labels.a' },
    ]);
  });

  it('names version and subresource of an updater in the singular message', () => {
    const first = apply(undefined, 'one', { size: 3 });
    const next = { ...first, spec: { size: 5 } };
    const managedFields = trackUpdate({
      ...base,
      live: first,
      next,
      manager: 'hpa',
      subresource: 'scale',
    });
    const live = { ...next, metadata: { name: 'w', managedFields } } as unknown as JsonObject;
    expect(failure(() => apply(live, 'one', { size: 6 })).message).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using example.com/v1: .spec.size',
    );
  });

  it('takes over by force', () => {
    const live = apply(undefined, 'one', { size: 3, tags: ['x'] });
    const forced = apply(live, 'two', { size: 4 }, { force: true });
    expect(forced['spec']).toEqual({ size: 4, tags: ['x'] });
    expect(owners(forced)).toEqual({
      'one Apply': { 'f:spec': { 'f:tags': { 'v:"x"': {} } } },
      'two Apply': { 'f:spec': { 'f:size': {} } },
    });
  });

  it('treats atomic lists and maps as one', () => {
    const live = apply(undefined, 'one', { steps: ['a'], atoms: { k: 'v' } });
    expect(failure(() => apply(live, 'two', { steps: ['a', 'b'] })).message).toMatch(
      /\.spec\.steps$/,
    );
    expect(failure(() => apply(live, 'two', { atoms: { l: 'v' } })).message).toMatch(
      /\.spec\.atoms$/,
    );
    expect(apply(live, 'one', { steps: ['c'], atoms: { l: 'v' } })['spec']).toEqual({
      steps: ['c'],
      atoms: { l: 'v' },
    });
  });

  it('leaves object and time alone when nothing changes', () => {
    const live = apply(undefined, 'one', { size: 3 });
    const later = { now: '2027-01-01T00:00:00Z' };
    expect(apply(live, 'one', { size: 3 }, later)).toEqual(live);
    const shared = apply(live, 'two', { size: 3 }, later);
    const entries = (shared['metadata'] as JsonObject)['managedFields'] as JsonObject[];
    expect(entries.map((e) => e['time'])).toEqual([undefined, base.now]);
  });

  it('counts an object without owners as set before the first apply', () => {
    const error = failure(() => apply(widget({ size: 1 }), 'one', { size: 2 }));
    expect(error.message).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using example.com/v1: .spec.size',
    );
  });

  it('answers in upstream words to what does not fit', () => {
    const prefix = 'failed to create typed patch object (/w; example.com/v1, Kind=Widget): ';
    const bogus = failure(() => apply(undefined, 'one', { bogus: 1 }));
    expect([bogus.code, bogus.message]).toEqual([
      500,
      `${prefix}.spec.bogus: field not declared in schema`,
    ]);
    const twice = failure(() => apply(undefined, 'one', { ports: [{ port: 1 }, { port: 1 }] }));
    expect(twice.message).toBe(
      `${prefix}.spec.ports: duplicate entries for key [port=1,protocol="TCP"]`,
    );
    const size = failure(() => apply(undefined, 'one', { size: 'big' }));
    expect(size.message).toBe(`${prefix}.spec.size: expected numeric (int or float), got string`);
    const applied = { ...widget({}), metadata: { name: 'w', managedFields: [{ manager: 'x' }] } };
    expect(failure(() => apply(undefined, 'one', {}, { applied })).message).toBe(
      'metadata.managedFields must be nil',
    );
  });

  it('lets kubectl change over from client-side apply', () => {
    const config = JSON.stringify(widget({ size: 3, tags: ['x'] }));
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': config };
    const next = { ...widget({ size: 3, tags: ['x'] }), metadata: { name: 'w', annotations } };
    const live = update(undefined, next, 'kubectl-client-side-apply');
    expect(failure(() => apply(live, 'other', { size: 4 })).code).toBe(409);
    const applied = apply(live, 'kubectl', { size: 4, tags: ['x'] });
    expect(applied['spec']).toEqual({ size: 4, tags: ['x'] });
    const written = (applied['metadata'] as JsonObject)['annotations'] as JsonObject;
    expect(JSON.parse(Object.values(written)[0] as string).spec.size).toBe(4);
  });
});

describe('trackUpdate', () => {
  it('gives a creator everything it sets', () => {
    const live = update(undefined, widget({ size: 1, labels: { a: '1' } }), 'one');
    expect(owners(live)).toEqual({
      'one Update': {
        'f:spec': { '.': {}, 'f:labels': { '.': {}, 'f:a': {} }, 'f:size': {} },
      },
    });
  });

  it('moves changed fields to who changed them and drops empty entries', () => {
    const live = update(undefined, widget({ size: 1 }), 'one');
    const changed = update(live, { ...live, spec: { size: 2 } }, 'two');
    expect(owners(changed)).toEqual({
      'one Update': { 'f:spec': {} },
      'two Update': { 'f:spec': { 'f:size': {} } },
    });
    const bare = update(changed, widget({}), 'two');
    expect(owners(bare)).toEqual({ 'one Update': { 'f:spec': {} } });
  });

  it('does not touch times when nothing changes', () => {
    const live = update(undefined, widget({ size: 1 }), 'one');
    expect(update(live, live, 'one', '2027-01-01T00:00:00Z')).toEqual(live);
  });

  it('forgets owners on request and tracks no updates after it', () => {
    const live = update(undefined, widget({ size: 1 }), 'one');
    for (const managedFields of [[{}], []]) {
      const next = { ...live, metadata: { name: 'w', managedFields } };
      expect(trackUpdate({ ...base, live, next, manager: 'one' })).toEqual([]);
    }
    expect(owners(update(widget({ size: 1 }), widget({ size: 2 }), 'one'))).toEqual({});
  });

  it('keeps owners of clients that send none or garbage', () => {
    const live = update(undefined, widget({ size: 1 }), 'one');
    const garbage = { name: 'w', managedFields: [{ manager: 'x', operation: 'Nonsense' }] };
    const next = { ...live, metadata: garbage };
    expect(owners(update(live, next, 'one'))).toEqual(owners(live));
    expect(owners(update(live, widget({ size: 1 }), 'one'))).toEqual(owners(live));
  });

  it('merges the oldest of more than ten updaters', () => {
    let live = update(undefined, widget({ size: 0 }), 'm0', '2026-01-01T00:00:00Z');
    for (let i = 1; i <= 12; i += 1) {
      const spec = live['spec'] as JsonObject;
      const labels = { ...(spec['labels'] as JsonObject | undefined), [`l${i}`]: '1' };
      const now = `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`;
      live = update(live, { ...live, spec: { ...spec, labels } }, `m${i}`, now);
    }
    const names = Object.keys(owners(live));
    expect(names).toHaveLength(10);
    expect(names[0]).toBe('ancient-changes Update');
    expect(owners(live)['ancient-changes Update']).toEqual({
      'f:spec': {
        '.': {},
        'f:labels': { '.': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} },
        'f:size': {},
      },
    });
  });

  it('does not own what the endpoint resets', () => {
    const next = { ...widget({ size: 1 }), status: { phase: 'P' } };
    const entries = trackUpdate({
      ...base,
      live: undefined,
      next,
      manager: 'one',
      resetFields: setOf(['f:status']),
    });
    expect(entries[0]?.fieldsV1).toEqual({ 'f:spec': { '.': {}, 'f:size': {} } });
  });
});
