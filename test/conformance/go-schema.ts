/** Schemas and definitions as tables hold them (Go's field names), turned into what a client sends. */
import { isObject, type Json } from './json-path.ts';

const extensions: Readonly<Record<string, string>> = {
  XPreserveUnknownFields: 'x-kubernetes-preserve-unknown-fields',
  XEmbeddedResource: 'x-kubernetes-embedded-resource',
  XIntOrString: 'x-kubernetes-int-or-string',
  XListType: 'x-kubernetes-list-type',
  XListMapKeys: 'x-kubernetes-list-map-keys',
  XMapType: 'x-kubernetes-map-type',
  XValidations: 'x-kubernetes-validations',
  Ref: '$ref',
  Schema: '$schema',
  ID: 'id',
};

/** A schema in JSON. False and empty stand for absent in Go. */
export function schemaOf(go: Json): Json {
  if (go === null || go === undefined) return go;
  const entries = Object.entries<Json>(go)
    .filter(([key, value]) => value !== false || key === 'XPreserveUnknownFields')
    .filter(([key, value]) => !(value === '' && key !== 'Ref'))
    .map(([key, value]) => [extensions[key] ?? lower(key), schemaPart(key, value)]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function schemaPart(key: string, value: Json): Json {
  switch (key) {
    case 'Properties':
    case 'PatternProperties':
    case 'Definitions':
      return mapValues(value, schemaOf);
    case 'AllOf':
    case 'AnyOf':
    case 'OneOf':
      return value?.map(schemaOf);
    case 'Not':
      return schemaOf(value);
    case 'Items':
      return value?.JSONSchemas?.length > 0
        ? value.JSONSchemas.map(schemaOf)
        : schemaOf(value?.Schema);
    case 'AdditionalProperties':
    case 'AdditionalItems':
      return value?.Schema ? schemaOf(value.Schema) : value?.Allows;
    case 'Dependencies':
      return mapValues(value, (each) => (each.Schema ? schemaOf(each.Schema) : each.Property));
    case 'XValidations':
      return value?.map(lowered);
    default:
      return value ?? undefined;
  }
}

/** A definition in `apiextensions.k8s.io/v1`. */
export function definitionOf({ ObjectMeta, Spec, Status }: Json): Json {
  const { creationTimestamp, ...metadata } = ObjectMeta ?? {};
  const spec = Spec ?? {};
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata,
    spec: {
      ...given('group', spec.Group),
      names: lowered(spec.Names ?? {}),
      ...given('scope', spec.Scope),
      versions: versionsOf(spec),
      ...given('preserveUnknownFields', spec.PreserveUnknownFields || undefined),
      ...given('conversion', conversionOf(spec.Conversion)),
    },
    status: { storedVersions: Status?.StoredVersions ?? [] },
  };
}

/** What stands at the top of the old form is every version's own. */
function versionsOf(spec: Json): Json {
  const versions =
    spec.Versions ?? (spec.Version ? [{ Name: spec.Version, Served: true, Storage: true }] : []);
  return versions.map((version: Json) => {
    const schema = (version.Schema ?? spec.Validation)?.OpenAPIV3Schema;
    const subresources = version.Subresources ?? spec.Subresources;
    const columns = version.AdditionalPrinterColumns ?? spec.AdditionalPrinterColumns;
    const fields = version.SelectableFields ?? spec.SelectableFields;
    return {
      name: version.Name ?? '',
      served: version.Served,
      storage: version.Storage,
      ...given('deprecated', version.Deprecated || undefined),
      ...given('deprecationWarning', version.DeprecationWarning),
      ...given('schema', schema && { openAPIV3Schema: schemaOf(schema) }),
      ...given('subresources', subresources && deepLowered(subresources)),
      ...given('additionalPrinterColumns', columns?.map(lowered)),
      ...given('selectableFields', fields?.map(lowered)),
    };
  });
}

function conversionOf(conversion: Json): Json {
  if (!conversion) return undefined;
  const { Strategy, WebhookClientConfig, ConversionReviewVersions } = conversion;
  const { CABundle, ...client } = WebhookClientConfig ?? {};
  const config = { ...deepLowered(client), ...given('caBundle', CABundle?.$base64) };
  const webhook = {
    ...given('clientConfig', WebhookClientConfig && config),
    ...given('conversionReviewVersions', ConversionReviewVersions),
  };
  return {
    ...given('strategy', Strategy),
    ...given('webhook', Object.keys(webhook).length > 0 ? webhook : undefined),
  };
}

function given(key: string, value: Json): Json {
  return value === undefined || value === null ? {} : { [key]: value };
}

function mapValues(value: Json, change: (value: Json) => Json): Json {
  if (!isObject(value)) return value ?? undefined;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, change(each)]));
}

function lowered(value: Json): Json {
  const entries = Object.entries<Json>(value).filter(([, each]) => each !== null && each !== '');
  return Object.fromEntries(entries.map(([key, each]) => [lower(key), each]));
}

function deepLowered(value: Json): Json {
  if (Array.isArray(value)) return value.map(deepLowered);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries<Json>(value).map(([key, each]) => [lower(key), deepLowered(each)]),
  );
}

/** `OpenAPIV3Schema` → `openAPIV3Schema`, `JSONPath` → `jsonPath`, `URL` → `url`. */
function lower(key: string): string {
  if (key === 'JSONPath') return 'jsonPath';
  if (/^[A-Z]+$/.test(key)) return key.toLowerCase();
  return key.charAt(0).toLowerCase() + key.slice(1);
}
