import { describe, expect, test } from 'vitest';
import { asObject, at, child } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { crdFinalizer, crdStrategy } from './crd.ts';

function crd(spec: JsonObject = {}, version: JsonObject = {}): JsonObject {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            size: { type: 'integer' },
            tags: { type: 'array', items: { type: 'string' } },
          },
        },
      },
    },
  };
  return {
    metadata: { name: 'widgets.shop.example' },
    spec: {
      group: 'shop.example',
      names: { plural: 'widgets', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema, ...version }],
      ...spec,
    },
  };
}

const wrong = (object: JsonObject, old?: JsonObject) =>
  crdStrategy.validate?.(object, old)?.map(({ field }) => field);
const named = (names: JsonObject, name = 'widgets.shop.example') => ({
  ...crd({ names: { plural: 'widgets', kind: 'Widget', listKind: 'WidgetList', ...names } }),
  metadata: { name },
});

test('a plain definition is in order', () => {
  expect(wrong(crd())).toEqual([]);
});

describe('names', () => {
  test.each([
    [named({}, 'other.shop.example'), 'metadata.name'],
    [named({ kind: 'Bad_' }), 'spec.names.kind'],
    [named({ kind: '' }), 'spec.names.kind'],
    [named({ listKind: 'Widget' }), 'spec.names.listKind'],
    [named({ plural: 'Widgets' }, 'Widgets.shop.example'), 'spec.names.plural'],
    [named({ singular: 'Widget' }), 'spec.names.singular'],
    [named({ shortNames: ['wd', 'W_'] }), 'spec.names.shortNames[1]'],
    [named({ categories: ['All'] }), 'spec.names.categories[0]'],
    [{ ...crd({ group: 'local' }), metadata: { name: 'widgets.local' } }, 'spec.group'],
  ])('%#', (object, field) => {
    expect(wrong(object)).toEqual([field]);
  });

  test('of a version that is wrong, at both places', () => {
    const found = wrong(crd({}, { name: 'V_1' }));
    expect(found).toEqual(['spec.versions[0].name', 'spec.version']);
  });

  test('groups of kubernetes.io need an approval', () => {
    const object = { ...crd({ group: 'x.k8s.io' }), metadata: { name: 'widgets.x.k8s.io' } };
    expect(wrong(object)).toEqual(['metadata.annotations[api-approved.kubernetes.io]']);
  });

  test('defaults are derived from the kind', () => {
    const object = crd({ names: { plural: 'widgets', kind: 'Widget' } });
    const context = {
      user: { name: 'u', groups: [] },
      now: '',
      dryRun: false,
    };
    crdStrategy.prepareForCreate?.(object, context);
    expect(at(object, 'spec', 'names')).toEqual({
      plural: 'widgets',
      kind: 'Widget',
      singular: 'widget',
      listKind: 'WidgetList',
    });
    expect(at(object, 'status', 'storedVersions')).toEqual(['v1']);
  });
});

describe('versions', () => {
  const scale = (more: JsonObject) => ({
    subresources: {
      scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', ...more },
    },
  });

  test.each([
    [crd({}, { storage: false }), ['spec.versions', 'status.storedVersions']],
    [crd({}, { schema: undefined }), ['spec.versions[0].schema.openAPIV3Schema']],
    [crd({ preserveUnknownFields: true }), ['spec.preserveUnknownFields']],
    [
      crd({}, { additionalPrinterColumns: [{ jsonPath: 'spec.a' }] }),
      ['spec.additionalPrinterColumns[0].JSONPath'],
    ],
    [
      crd({}, scale({ specReplicasPath: '.status.n' })),
      ['spec.subresources.scale.specReplicasPath'],
    ],
    [
      crd({}, { selectableFields: [{ jsonPath: '.spec.none' }] }),
      ['spec.selectableFields[0].jsonPath'],
    ],
    [
      crd({}, { selectableFields: [{ jsonPath: '.spec.tags' }] }),
      ['spec.selectableFields[0].jsonPath'],
    ],
    [
      crd({ conversion: { strategy: 'Webhook' } }),
      ['spec.conversion.webhookClientConfig', 'spec.conversion.conversionReviewVersions'],
    ],
    [
      crd({ conversion: { strategy: 'Webhook', webhook: { clientConfig: {} } } }),
      ['spec.conversion.webhookClientConfig', 'spec.conversion.conversionReviewVersions'],
    ],
    [
      crd({
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url: 'http://x' }, conversionReviewVersions: ['v2', 'v2'] },
        },
      }),
      [
        'spec.conversion.webhookClientConfig.url',
        'spec.conversion.conversionReviewVersions[1]',
        'spec.conversion.conversionReviewVersions',
      ],
    ],
    [
      crd({
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url: 'https://x' }, conversionReviewVersions: ['v1'] },
        },
      }),
      [],
    ],
  ])('%#', (object, found) => {
    expect(wrong(object)).toEqual(found);
  });

  test('two of one name', () => {
    const object = crd();
    const spec = child(object, 'spec');
    const [version] = spec['versions'] as JsonObject[];
    spec['versions'] = [version as JsonObject, { ...version, storage: false }];
    expect(wrong(object)).toEqual(['spec.versions']);
  });
});

test('a version that objects are stored in stays', () => {
  const old = { ...crd(), status: { storedVersions: ['v1'] } };
  expect(wrong(crd({}, { name: 'v2' }), old)).toEqual(['status.storedVersions[0]']);
  expect(wrong(crd(), old)).toEqual([]);
});

test('what may not change is told alone', () => {
  const next = named({ plural: 'others' });
  expect(wrong(next, crd())).toEqual(['spec.names.plural']);
});

test('deletion leaves a finalizer and a condition', () => {
  const object = crd();
  crdStrategy.beginDeletion?.(object, Date.UTC(2026, 0, 1));
  expect(asObject(object['metadata'])?.['finalizers']).toEqual([crdFinalizer]);
  expect(at(object, 'status', 'conditions')).toMatchObject([
    { type: 'Terminating', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
});

describe('what may not change', () => {
  const renamed = () => {
    const names = { plural: 'widgets', kind: 'Gadget', listKind: 'GadgetList' };
    return crd({ names, scope: 'Cluster' });
  };

  test('kind and scope, once the kind is served', () => {
    const old = { ...crd(), status: { conditions: [{ type: 'Established', status: 'True' }] } };
    expect(wrong(renamed(), old)).toEqual(['spec.scope', 'spec.names.kind']);
  });

  test('a kind whose name was taken can be renamed', () => {
    const old = { ...crd(), status: { conditions: [{ type: 'Established', status: 'False' }] } };
    expect(wrong(renamed(), old)).toEqual([]);
  });
});

test('a field may be selectable once', () => {
  const selectableFields = [{ jsonPath: '.spec.size' }, { jsonPath: '.spec.size' }];
  expect(wrong(crd({}, { selectableFields }))).toEqual(['spec.selectableFields[1].jsonPath']);
});

test('what is the same in all versions is told once', () => {
  const schema = { openAPIV3Schema: { type: 'string' } };
  const v1 = { name: 'v1', served: true, storage: true, schema };
  const v2 = { name: 'v2', served: true, storage: false, schema };
  const found = wrong(crd({ versions: [v1, v2] }));
  expect(found).toEqual(['spec.validation.openAPIV3Schema.type']);
});
