/**
 * OpenAPI v3 documents, one per group and version, and their index: what `kubectl explain`, `apply`
 * and `create --validate` read. Built on demand; the caller keeps them.
 * Source: Kubernetes apiserver v0.32, `/openapi/v3`; apiextensions `pkg/controller/openapi/builder`.
 */
import { createHash } from 'node:crypto';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { OpenApiKind } from './openapi-kind.ts';
import { kindPaths } from './openapi-paths.ts';
import {
  Components,
  definitionName,
  objectMetaName,
  type Published,
  reference,
} from './openapi-schemas.ts';

export interface OpenApiOptions {
  readonly group: string;
  readonly version: string;
  /** All that is served; kinds of other groups and versions are left out. */
  readonly kinds: readonly OpenApiKind[];
  /** The schema of every object's `metadata`, with its `x-berth-definition`. */
  readonly objectMeta?: Schema;
  /** What the server calls itself in `info.version`. */
  readonly serverVersion: string;
}

/** The document of one group and version; `undefined` if nothing of it is served. */
export function openApiDocument(options: OpenApiOptions): JsonValue | undefined {
  const { group, version, objectMeta, serverVersion } = options;
  const kinds = options.kinds.filter((each) => each.group === group && each.version === version);
  if (kinds.length === 0) return undefined;
  const components = new Components();
  if (objectMeta !== undefined) components.publish(objectMeta);
  const paths: Record<string, Published> = {};
  for (const kind of kinds) {
    const name = kindName(kind);
    const listName = name.replace(/[^.]*$/, kind.listKind);
    components.set(name, kindSchema(kind, components));
    if (kind.verbs.includes('list')) components.set(listName, listSchema(kind, name, components));
    Object.assign(paths, kindPaths(kind, { name, listName }, components));
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Berth', version: serverVersion },
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: { schemas: components.all() },
  };
}

/** The answer to `/openapi/v3`: where the documents are, by `api/v1` or `apis/<group>/<version>`. */
export function openApiIndex(
  documents: readonly { readonly group: string; readonly version: string; readonly hash: string }[],
) {
  const entries = documents.map(({ group, version, hash }) => {
    const path = openApiPath(group, version);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

/** `api/v1`, `apis/berth.dev/v1`. */
export function openApiPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** The `hash` of a document, which is also its ETag: SHA-512 of the body in upper-case hex. */
export function openApiHash(body: string | Uint8Array): string {
  return createHash('sha512').update(body).digest('hex').toUpperCase();
}

function kindName({ schema, group, version, kind }: OpenApiKind): string {
  return schema['x-berth-definition'] ?? definitionName(group, version, kind);
}

function kindSchema(kind: OpenApiKind, components: Components): Published {
  const schema = components.inline(kind.schema);
  // `inline` has made the properties of a schema, which are an object.
  const properties = (schema['properties'] ?? {}) as Published;
  const fields = kind.selectableJsonPaths.map((path) => ({ fieldPath: path.replace(/^\./, '') }));
  return {
    ...schema,
    type: 'object',
    properties: {
      ...properties,
      apiVersion: properties['apiVersion'] ?? apiVersionField,
      kind: properties['kind'] ?? kindField,
      metadata: {
        // As upstream says it of every custom kind.
        description:
          "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
        allOf: [components.common(objectMetaName)],
      },
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(kind, kind.kind)],
    ...(kind.builtin || fields.length === 0 ? {} : { 'x-kubernetes-selectable-fields': fields }),
  };
}

function listSchema(kind: OpenApiKind, name: string, components: Components): Published {
  const listMeta = components.common('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta');
  return {
    description: `${kind.listKind} is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: apiVersionField,
      kind: kindField,
      metadata: { description: 'Revision, and where the list goes on.', allOf: [listMeta] },
      items: { description: `List of ${kind.plural}.`, type: 'array', items: reference(name) },
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(kind, kind.listKind)],
  };
}

function groupVersionKind({ group, version }: OpenApiKind, kind: string) {
  return { group, kind, version };
}

const apiVersionField: Published = {
  description: 'Group and version of this object; the core group is plain `v1`.',
  type: 'string',
};

const kindField: Published = {
  description: 'What this object is, in CamelCase: `Pod`.',
  type: 'string',
};
