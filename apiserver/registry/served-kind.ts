/** One kind in one version, as the pipeline sees it; made from a `KindDefinition`. */

import type { JsonObject } from '../../api/meta.ts';
import type { KindDefinition, KindVersion, PrinterColumn, Schema } from '../../api/schema.ts';
import { customStrategy, type Strategy } from '../kinds/strategy.ts';
import { targetOf, type WebhookTarget } from '../webhook/call.ts';

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** A kind whose objects are those of another kind: where these lie, and the way there and back. */
export interface StoredAs {
  readonly place: { readonly group: string; readonly plural: string };
  /** Also takes what is in that form already; never changes its argument. */
  toStored(object: JsonObject): JsonObject;
  fromStored(stored: JsonObject): JsonObject;
}

export interface ServedKind {
  readonly group: string;
  readonly version: string;
  /** The version objects are stored in. */
  readonly storageVersion: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Compiled in, not from a CustomResourceDefinition: strategic patches, protobuf bodies, core wording. */
  readonly builtin: boolean;
  /** Of this version, with complete `metadata`. */
  readonly schema: Schema;
  /** Of the storage version. */
  readonly storageSchema: Schema;
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | undefined;
  readonly columns: readonly PrinterColumn[] | undefined;
  readonly selectableJsonPaths: readonly string[];
  /** Fields that are kept but not acted on, as `spec.containers[].livenessProbe`. */
  readonly ignoredFields: readonly string[];
  readonly strategy: Strategy;
  /** Sent as a warning with each request to a deprecated version. */
  readonly deprecationWarning: string | undefined;
  readonly protoMessage: string | undefined;
  /** Absent for kinds that are stored as what they are. */
  readonly storedAs: StoredAs | undefined;
  /** Who brings objects from one version into another; absent = only `apiVersion` differs. */
  readonly conversion: KindConversion | undefined;
  /** Its definition is being deleted: objects may go, none may come. */
  readonly terminating: boolean;
}

export interface KindConversion {
  readonly target: WebhookTarget;
  /** Of the ConversionReview. */
  readonly reviewVersion: 'v1' | 'v1beta1';
}

export interface KindSource {
  readonly definition: KindDefinition;
  readonly builtin: boolean;
  readonly strategy?: Strategy | undefined;
  readonly ignoredFields?: readonly string[] | undefined;
  readonly storedAs?: StoredAs | undefined;
  readonly terminating?: boolean;
  /** Put in the place of a bare `metadata`. */
  readonly metadataSchema: Schema;
}

/** One `ServedKind` for each served version. */
export function servedKinds(source: KindSource): ServedKind[] {
  const { definition, builtin, metadataSchema } = source;
  const { names, group } = definition;
  const storage = definition.versions.find((version) => version.storage) ?? definition.versions[0];
  if (storage === undefined) return [];
  // Built-in schemas are complete as they are.
  const complete = (schema: Schema) => (builtin ? schema : withMetadata(schema, metadataSchema));
  return definition.versions
    .filter((version) => version.served)
    .map((version) => ({
      group,
      version: version.name,
      storageVersion: storage.name,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: definition.scope === 'Namespaced',
      builtin,
      schema: complete(version.schema.openAPIV3Schema),
      storageSchema: complete(storage.schema.openAPIV3Schema),
      hasStatus: version.subresources?.status !== undefined,
      scale: version.subresources?.scale,
      columns: version.additionalPrinterColumns,
      selectableJsonPaths: (version.selectableFields ?? []).map((field) => field.jsonPath),
      ignoredFields: source.ignoredFields ?? [],
      strategy: source.strategy ?? customStrategy,
      deprecationWarning: deprecation(version, definition),
      protoMessage: definition['x-berth-proto-message'],
      storedAs: source.storedAs,
      conversion: conversionOf(definition),
      terminating: source.terminating ?? false,
    }));
}

function withMetadata(schema: Schema, metadata: Schema): Schema {
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: described(schema.properties?.['apiVersion'], apiVersionText),
      kind: described(schema.properties?.['kind'], kindText),
      metadata,
    },
  };
}

function described(schema: Schema | undefined, description: string): Schema {
  return { type: 'string', description, ...schema };
}

// What `kubectl explain` says of every custom kind. Source: apimachinery, meta/v1 `TypeMeta`, word for word.
const conventions =
  'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const apiVersionText =
  'APIVersion defines the versioned schema of this representation of an object. Servers should convert ' +
  'recognized schemas to the latest internal value, and may reject unrecognized values. ' +
  `More info: ${conventions}#resources`;
const kindText =
  'Kind is a string value representing the REST resource this object represents. Servers may infer this ' +
  'from the endpoint the client submits requests to. Cannot be updated. In CamelCase. ' +
  `More info: ${conventions}#types-kinds`;

function conversionOf({ conversion }: KindDefinition): KindConversion | undefined {
  if (conversion?.strategy !== 'Webhook') return undefined;
  const { clientConfig = {}, conversionReviewVersions = [] } = conversion.webhook ?? {};
  const spoken = conversionReviewVersions.find((each) => each === 'v1' || each === 'v1beta1');
  return {
    target: targetOf(clientConfig),
    reviewVersion: spoken === 'v1beta1' ? 'v1beta1' : 'v1',
  };
}

function deprecation(version: KindVersion, definition: KindDefinition): string | undefined {
  if (version.deprecated !== true) return undefined;
  return (
    version.deprecationWarning ??
    `${definition.group}/${version.name} ${definition.names.kind} is deprecated`
  );
}

/** `widgets.example.com`: how strategies and field lists are filed. */
export function kindId(group: string, plural: string): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Where its objects lie in the store. */
export function placeOf(
  kind: Pick<ServedKind, 'group' | 'plural' | 'storedAs'>,
): StoredAs['place'] {
  return kind.storedAs?.place ?? { group: kind.group, plural: kind.plural };
}
