import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { builtinKinds, objectMetaSchema } from '../../crds/index.ts';
import { record } from './json-record.ts';
import { openApiDocument, openApiHash, openApiIndex, openApiPath } from './openapi.ts';
import type { OpenApiKind } from './openapi-kind.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const part: Schema = {
  'x-berth-definition': 'io.example.Part',
  description: 'one place',
  type: 'object',
  properties: { amount: { format: 'quantity', 'x-kubernetes-int-or-string': true } },
};
const thing: OpenApiKind = {
  group: '',
  version: 'v1',
  kind: 'Thing',
  listKind: 'ThingList',
  plural: 'things',
  namespaced: true,
  builtin: true,
  verbs,
  subresources: [{ name: 'status', kind: 'Thing', verbs: ['get', 'patch', 'update'] }],
  selectableJsonPaths: ['.spec.a'],
  schema: {
    'x-berth-definition': 'io.k8s.api.core.v1.Thing',
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          first: { ...part, 'x-berth-proto': 1, default: {} },
          second: { ...part, description: 'another place' },
          list: { type: 'array', items: part, 'x-kubernetes-patch-merge-key': 'name' },
        },
      },
    },
  },
};
const widget: OpenApiKind = {
  ...thing,
  group: 'golden.example.com',
  kind: 'Widget',
  listKind: 'WidgetList',
  plural: 'widgets',
  builtin: false,
  subresources: [
    { name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch'] },
  ],
  schema: {
    type: 'object',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        properties: {
          limit: { 'x-kubernetes-int-or-string': true },
          template: { type: 'object', 'x-kubernetes-embedded-resource': true },
          ports: {
            type: 'array',
            items: { type: 'object' },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['port'],
          },
        },
      },
    },
  },
};

function documentOf(kinds: readonly OpenApiKind[], group: string, version = 'v1') {
  const document = openApiDocument({ group, version, kinds, serverVersion: 'v1.36.0' });
  const { paths, components, openapi } = record(document);
  return {
    openapi,
    paths: record(paths),
    schemas: record(record(components)['schemas']),
    document,
  };
}

/** Follows field names. */
function at(value: JsonValue | undefined, ...path: string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((inner, name) => record(inner)[name], value);
}

describe('a document of built-in kinds', () => {
  const { schemas, paths, openapi } = documentOf([thing, widget], '');
  const spec = at(schemas['io.k8s.api.core.v1.Thing'], 'properties', 'spec', 'properties');

  it('names the kind and its list', () => {
    expect(openapi).toBe('3.0.0');
    expect(at(schemas['io.k8s.api.core.v1.Thing'], 'x-kubernetes-group-version-kind')).toEqual([
      { group: '', kind: 'Thing', version: 'v1' },
    ]);
    expect(at(schemas['io.k8s.api.core.v1.ThingList'], 'properties', 'items', 'items')).toEqual({
      $ref: '#/components/schemas/io.k8s.api.core.v1.Thing',
    });
  });

  it('moves named parts to the components, and leaves their place its own words', () => {
    const $ref = '#/components/schemas/io.example.Part';
    expect(at(spec, 'first')).toEqual({ description: 'one place', default: {}, allOf: [{ $ref }] });
    expect(at(spec, 'second')).toEqual({ description: 'another place', allOf: [{ $ref }] });
    expect(at(spec, 'list', 'items')).toEqual({ description: 'one place', allOf: [{ $ref }] });
    expect(at(spec, 'list', 'x-kubernetes-patch-merge-key')).toBe('name');
    expect(schemas['io.example.Part']).toEqual({
      type: 'object',
      properties: {
        amount: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity' },
      },
    });
  });

  it('offers strategic merge patch and field validation', () => {
    const patch = at(paths['/api/v1/namespaces/{namespace}/things/{name}'], 'patch');
    expect(Object.keys(record(at(patch, 'requestBody', 'content')))).toEqual([
      'application/apply-patch+yaml',
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/strategic-merge-patch+json',
    ]);
    expect(JSON.stringify(at(patch, 'parameters'))).toContain('"fieldValidation"');
    expect(at(patch, 'x-kubernetes-group-version-kind')).toEqual({
      group: '',
      version: 'v1',
      kind: 'Thing',
    });
    expect(at(patch, 'operationId')).toBe('patchCoreV1NamespacedThing');
  });

  it('has all paths of a namespaced kind, and nothing of other groups', () => {
    expect(Object.keys(paths)).toEqual([
      '/api/v1/namespaces/{namespace}/things',
      '/api/v1/namespaces/{namespace}/things/{name}',
      '/api/v1/namespaces/{namespace}/things/{name}/status',
      '/api/v1/things',
    ]);
  });
});

describe('a document of custom kinds', () => {
  const { schemas, paths } = documentOf([thing, widget], 'golden.example.com');
  const schema = schemas['com.example.golden.v1.Widget'];

  it('publishes the schema as upstream does', () => {
    expect(at(schema, 'properties', 'metadata', 'allOf')).toEqual([
      { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
    ]);
    expect(at(schema, 'required')).toEqual(['spec']);
    expect(at(schema, 'x-kubernetes-selectable-fields')).toEqual([{ fieldPath: 'spec.a' }]);
    const spec = at(schema, 'properties', 'spec', 'properties');
    expect(at(spec, 'limit', 'anyOf')).toEqual([{ type: 'integer' }, { type: 'string' }]);
    expect(at(spec, 'template', 'required')).toEqual(['kind', 'apiVersion']);
    expect(at(spec, 'ports', 'x-kubernetes-list-map-keys')).toEqual(['port']);
  });

  it('has no strategic merge patch', () => {
    const item = paths['/apis/golden.example.com/v1/namespaces/{namespace}/widgets/{name}'];
    expect(JSON.stringify(at(item, 'patch'))).not.toContain('strategic');
    expect(at(item, 'patch', 'operationId')).toBe('patchGoldenExampleComV1NamespacedWidget');
  });

  it('lists the same components as upstream', () => {
    const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
    expect(Object.keys(schemas)).toEqual([
      'com.example.golden.v1.Widget',
      'com.example.golden.v1.WidgetList',
      'io.k8s.api.autoscaling.v1.Scale',
      'io.k8s.api.autoscaling.v1.ScaleSpec',
      'io.k8s.api.autoscaling.v1.ScaleStatus',
      ...['DeleteOptions', 'FieldsV1', 'ListMeta', 'ManagedFieldsEntry', 'ObjectMeta'].map(
        (n) => `${meta}.${n}`,
      ),
      ...['OwnerReference', 'Patch', 'Preconditions', 'Status', 'StatusCause'].map(
        (n) => `${meta}.${n}`,
      ),
      ...['StatusDetails', 'Time'].map((n) => `${meta}.${n}`),
    ]);
  });
});

describe('every document of the kinds that come with Berth', () => {
  const kinds = builtinKinds.flatMap((definition) =>
    definition.versions.map(
      (version): OpenApiKind => ({
        group: definition.group,
        version: version.name,
        kind: definition.names.kind,
        listKind: definition.names.listKind ?? `${definition.names.kind}List`,
        plural: definition.names.plural,
        namespaced: definition.scope === 'Namespaced',
        builtin: true,
        verbs,
        schema: version.schema.openAPIV3Schema,
        subresources: [],
        selectableJsonPaths: [],
      }),
    ),
  );

  it.each([...new Set(kinds.map((kind) => kind.group))])(
    '%j refers only to what it has',
    (group) => {
      const options = {
        group,
        version: 'v1',
        kinds,
        objectMeta: objectMetaSchema,
        serverVersion: 'v1',
      };
      const text = JSON.stringify(openApiDocument(options));
      const { schemas } = record(record(JSON.parse(text))['components']) as { schemas: object };
      const wanted = new Set(
        [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((m) => m[1]),
      );
      expect([...wanted].filter((name) => !Object.hasOwn(schemas, name ?? ''))).toEqual([]);
      expect(text).not.toContain('x-berth-');
    },
  );
});

describe('the index', () => {
  it('says where documents are and what they hash to', () => {
    expect(openApiPath('', 'v1')).toBe('api/v1');
    expect(openApiHash('x')).toMatch(/^[0-9A-F]{128}$/);
    expect(openApiIndex([{ group: 'a.b', version: 'v1', hash: 'F' }])).toEqual({
      paths: { 'apis/a.b/v1': { serverRelativeURL: '/openapi/v3/apis/a.b/v1?hash=F' } },
    });
  });

  it('has nothing for what is not served', () => {
    expect(documentOf([thing], 'none').document).toBeUndefined();
  });
});
