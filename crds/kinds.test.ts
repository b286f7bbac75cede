import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { Pod, Workload } from '../api/kinds.gen.ts';
import type { KubeObject } from '../api/meta.ts';
import type { KindDefinition, ProtoInline, Schema } from '../api/schema.ts';
import { berthCrds, builtinKinds, ignoredFields, listMetaSchema, virtualKinds } from './index.ts';

// A column's type is any text until the definition is checked.
const berthKinds = berthCrds.map((crd) => crd.spec as KindDefinition);
const kinds = [...builtinKinds, ...virtualKinds, ...berthKinds];

/** Every schema below `schema`, with where it stands. */
function* walk(schema: Schema, path = ''): Generator<{ schema: Schema; path: string }> {
  yield { schema, path };
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* walk(property, `${path}.${name}`);
  if (schema.items !== undefined) yield* walk(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object')
    yield* walk(schema.additionalProperties, `${path}{}`);
}

function everything(of: readonly KindDefinition[]) {
  return of.flatMap((kind) =>
    kind.versions.flatMap((version) => [...walk(version.schema.openAPIV3Schema, kind.names.kind)]),
  );
}

function find(kindName: string): Schema {
  const kind = kinds.find((k) => k.names.kind === kindName);
  return kind!.versions[0]!.schema.openAPIV3Schema;
}

function ajv(): Ajv {
  const words = new Set(everything(kinds).flatMap(({ schema }) => Object.keys(schema)));
  const formats = new Set(everything(kinds).map(({ schema }) => schema.format ?? 'int32'));
  return new Ajv({
    keywords: [...words].filter((word) => word.startsWith('x-')),
    formats: Object.fromEntries([...formats].map((format) => [format, true])),
    strictTypes: false,
  });
}

describe('every kind', () => {
  it('is there', () => {
    const names = (of: readonly KindDefinition[]) => of.map((kind) => kind.names.plural).sort();
    expect(names(builtinKinds)).toEqual([
      'certificatesigningrequests',
      'clusterrolebindings',
      'clusterroles',
      'configmaps',
      'controllerrevisions',
      'customresourcedefinitions',
      'events',
      'leases',
      'limitranges',
      'mutatingwebhookconfigurations',
      'namespaces',
      'nodes',
      'poddisruptionbudgets',
      'pods',
      'priorityclasses',
      'resourcequotas',
      'rolebindings',
      'roles',
      'secrets',
      'serviceaccounts',
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'validatingwebhookconfigurations',
    ]);
    expect(virtualKinds).toHaveLength(17);
    expect(names(berthKinds)).toEqual([
      'dimensions',
      'ipaddresses',
      'ippools',
      'ipreservations',
      'nodetopologies',
      'vms',
      'vmsnapshots',
      'volumes',
      'volumesnapshots',
      'workloads',
    ]);
  });

  it('has a description of each field', () => {
    const silent = everything(kinds).flatMap(({ schema, path }) =>
      Object.entries(schema.properties ?? {})
        .filter(([, property]) => (property.description ?? '').length < 4)
        .map(([name]) => `${path}.${name}`),
    );
    // A CustomResourceDefinition may not say anything about its root metadata.
    expect(silent).toEqual(berthKinds.map(({ names }) => `${names.kind}.metadata`));
  });

  it.each(kinds.map((kind) => [kind.names.kind, kind] as const))('%s compiles', (_name, kind) => {
    const validator = ajv();
    for (const version of kind.versions)
      expect(() => validator.compile(version.schema.openAPIV3Schema)).not.toThrow();
  });

  it('has defaults that its own schema accepts', () => {
    const validator = ajv();
    const wrong = everything(kinds).filter(({ schema }) => {
      if (schema.default === undefined || schema.type === 'object') return false;
      return !validator.validate(schema, schema.default);
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('identifies items of map lists by fields that are always there', () => {
    const wrong = everything(kinds).flatMap(({ schema, path }) =>
      (schema['x-kubernetes-list-map-keys'] ?? [])
        .filter((key) => {
          const item = schema.items ?? {};
          const property = item.properties?.[key];
          const given = item.required?.includes(key) === true || property?.default !== undefined;
          return property === undefined || !given;
        })
        .map((key) => `${path} ${key}`),
    );
    // Upstream's own exception; an item without a name cannot be applied there either.
    expect(wrong).toEqual(['ServiceAccount.secrets name']);
  });

  it('names only properties that exist as required', () => {
    const wrong = everything(kinds).flatMap(({ schema, path }) =>
      (schema.required ?? [])
        .filter((name) => schema.properties?.[name] === undefined)
        .map((name) => `${path}.${name}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('protobuf numbers', () => {
  const messages = [...builtinKinds, ...virtualKinds].filter(
    (kind) => kind['x-berth-proto-message'] !== undefined,
  );

  it('are on each field of a kind that has a message', () => {
    const missing = everything(messages).flatMap(({ schema, path }) =>
      Object.entries(schema.properties ?? {})
        .filter(([, property]) => property['x-berth-proto'] === undefined)
        .map(([name]) => `${path}.${name}`),
    );
    expect(missing.filter((path) => !/\.(apiVersion|kind)$/.test(path))).toEqual([]);
  });

  it('are unique in each message', () => {
    const twice = everything(messages).flatMap(({ schema, path }) => {
      const first = schema['x-berth-proto-inline'] ?? [];
      const nested = new Set(flat(first).flatMap(({ fields }) => fields));
      const numbers = (names: readonly string[]) =>
        names.flatMap((name) => schema.properties?.[name]?.['x-berth-proto'] ?? []);
      const outer = Object.keys(schema.properties ?? {}).filter((name) => !nested.has(name));
      const groups = [
        [...numbers(outer), ...first.map(({ number }) => number)],
        ...flat(first).map(({ fields, inline = [] }) => [
          ...numbers(fields),
          ...inline.map(({ number }) => number),
        ]),
      ];
      return groups.some((group) => new Set(group).size !== group.length) ? [path] : [];
    });
    expect(twice).toEqual([]);
  });

  it('reach inlined messages through fields that exist', () => {
    const unknown = everything(messages).flatMap(({ schema, path }) =>
      flat(schema['x-berth-proto-inline'] ?? [])
        .flatMap(({ fields }) => fields)
        .filter((name) => schema.properties?.[name] === undefined)
        .map((name) => `${path}.${name}`),
    );
    expect(unknown).toEqual([]);
    const volume = find('Pod').properties!['spec']!.properties!['volumes']!.items!;
    expect(volume['x-berth-proto-inline']?.[0]?.fields).toContain('configMap');
  });
});

function flat(inlines: readonly ProtoInline[]): readonly ProtoInline[] {
  return inlines.flatMap((each) => [each, ...flat(each.inline ?? [])]);
}

describe("Berth's own kinds", () => {
  it('are plain CustomResourceDefinitions', () => {
    const text = JSON.stringify(berthCrds);
    expect(text).not.toMatch(/"(x-berth-|x-kubernetes-patch-|\$ref)/);
    for (const crd of berthCrds) {
      expect(crd.metadata.name).toBe(`${crd.spec.names.plural}.${crd.spec.group}`);
      expect(crd.spec.versions.filter((version) => version.storage)).toHaveLength(1);
    }
  });

  it('are structural: every level says what it is', () => {
    const vague = everything(berthKinds).filter(
      ({ schema }) =>
        schema.type === undefined &&
        schema['x-kubernetes-int-or-string'] !== true &&
        schema['x-kubernetes-preserve-unknown-fields'] !== true,
    );
    expect(vague.map(({ path }) => path)).toEqual([]);
  });

  it('have defaults with everything that is required in them', () => {
    const validator = ajv();
    const wrong = everything(berthKinds).filter(
      ({ schema }) =>
        schema.type === 'object' &&
        schema.default !== undefined &&
        !validator.validate(schema, schema.default),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe('ignored fields', () => {
  it('are told by path, for stored kinds and for templates in them', () => {
    expect(ignoredFields['pods']).toContain('spec.containers[].resizePolicy');
    expect(ignoredFields['workloads.berth.dev']).toContain(
      'spec.template.spec.containers[].resizePolicy',
    );
    expect(ignoredFields['pods']).not.toContain('spec.containers[].image');
    expect(ignoredFields['configmaps']).toBeUndefined();
  });

  it('say so where kubectl explain shows them', () => {
    const container = find('Pod').properties!['spec']!.properties!['containers']!.items!;
    expect(container.properties!['resizePolicy']!.description).toMatch(/not acted on yet\.$/);
    expect(container.properties!['image']!.description).not.toMatch(/not acted on/);
  });
});

describe('memory', () => {
  it('holds a shared part once', () => {
    const spec = find('Pod').properties!['spec']!.properties!;
    expect(spec['initContainers']!.items!.properties).toBe(spec['containers']!.items!.properties);
    const template = find('Workload').properties!['spec']!.properties!['template']!;
    const stripped = template.properties!['spec']!.properties!;
    expect(stripped['initContainers']!.items!.properties).toBe(
      stripped['containers']!.items!.properties,
    );
  });
});

describe('types', () => {
  it('fit the interfaces that know no kind', () => {
    const workload: Workload = {
      apiVersion: 'berth.dev/v1',
      kind: 'Workload',
      metadata: { name: 'web' },
      spec: {
        replicas: 3,
        update: { maxUnavailable: 1, maxSurge: '25%' },
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              { name: 'web', image: 'nginx:1.29', resources: { requests: { cpu: '1.5' } } },
            ],
          },
        },
      },
    };
    const object: KubeObject = workload;
    const podSpec: Pod['spec'] = workload.spec.template.spec;
    const definition: KindDefinition | undefined = berthKinds.find(
      ({ names }) => names.kind === 'Workload',
    );
    expect(object.kind).toBe('Workload');
    expect(podSpec.containers).toHaveLength(1);
    expect(definition?.names.kind).toBe('Workload');
    const fits = ajv().compile(find('Workload'));
    expect(fits(workload)).toBe(true);
    expect(fits({ ...workload, spec: { ...workload.spec, replicas: -1 } })).toBe(false);
    expect(listMetaSchema.properties).toHaveProperty('continue');
  });
});
