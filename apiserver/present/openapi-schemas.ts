/**
 * Schemas as OpenAPI documents publish them: Berth's own words taken out, and every schema that has
 * a name (`x-berth-definition`) moved to `components.schemas` and referred to.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { commonComponents } from './openapi-common.ts';

/** A schema as published; any JSON object. */
export type Published = { [keyword: string]: JsonValue | undefined };

/** The name of a schema in `components.schemas`: the group reversed, `com.example.v1.Widget`. */
export function definitionName(group: string, version: string, kind: string): string {
  return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
}

/** `{$ref}` to a component. */
export function reference(name: string): Published {
  return { $ref: `#/components/schemas/${name}` };
}

/** Collects the components of one document while its schemas are converted. */
export class Components {
  readonly #byName = new Map<string, Published>();

  /** Sorted by name, as upstream has them. */
  all(): Record<string, Published> {
    return Object.fromEntries([...this.#byName].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  set(name: string, schema: Published): void {
    this.#byName.set(name, schema);
  }

  /** Refers to a part that every server has, such as Status; adds it and what it needs. */
  common(name: keyof typeof commonComponents): Published {
    if (!this.#byName.has(name)) {
      const { schema, needs } = commonComponents[name];
      this.#byName.set(name, schema);
      for (const needed of needs) this.common(needed);
    }
    return reference(name);
  }

  /** The schema itself, named or not, with everything named below it moved to the components. */
  inline(schema: Schema): Published {
    const published: Published = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (!keyword.startsWith('x-berth-') && !nested.has(keyword)) published[keyword] = value;
    }
    const { properties, items, additionalProperties } = schema;
    if (properties !== undefined) {
      const entries = Object.entries(properties).map(([key, each]) => [key, this.publish(each)]);
      published['properties'] = Object.fromEntries(entries);
    }
    if (items !== undefined) published['items'] = this.publish(items);
    if (typeof additionalProperties === 'object') {
      published['additionalProperties'] = this.publish(additionalProperties);
    } else if (additionalProperties !== undefined) {
      published['additionalProperties'] = additionalProperties;
    }
    for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
      const branches = schema[junctor];
      if (branches !== undefined) published[junctor] = branches.map((each) => this.inline(each));
    }
    if (schema.not !== undefined) published['not'] = this.inline(schema.not);
    if (schema['x-kubernetes-int-or-string'] === true) intOrString(published);
    if (schema['x-kubernetes-embedded-resource'] === true) this.#embedded(published);
    return published;
  }

  /** The schema as it stands below another: a reference if it has a name. */
  publish(schema: Schema): Published {
    const name = schema['x-berth-definition'];
    if (name !== undefined) {
      this.#define(name, schema);
      return this.#referTo(reference(name), schema);
    }
    const common = schema.format === undefined ? undefined : commonFormats.get(schema.format);
    if (common !== undefined) return this.#referTo(this.common(common), schema);
    return this.inline(schema);
  }

  #define(name: string, schema: Schema): void {
    if (this.#byName.has(name)) return;
    // Taken before the parts are converted, so that a schema may contain itself.
    this.#byName.set(name, {});
    // Each place describes the part in its own words, and `kubectl explain` prints all it finds.
    const { description: _text, default: _default, nullable: _nullable, ...own } = schema;
    this.#byName.set(name, withoutSite(this.inline(own)));
  }

  /** What belongs to the place and not to the part stays beside the reference. */
  #referTo(to: Published, schema: Schema): Published {
    const site: Published = {};
    for (const keyword of siteKeywords) {
      const value = schema[keyword];
      if (value !== undefined) site[keyword] = value;
    }
    return Object.keys(site).length === 0 ? to : { ...site, allOf: [to] };
  }

  #embedded(published: Published): void {
    // A schema is an object here, because embedded resources are objects.
    const own = (published['properties'] ?? {}) as Published;
    const metadata = { allOf: [this.common(objectMetaName)] };
    published['properties'] = { ...own, apiVersion: textField, kind: textField, metadata };
    published['required'] = ['kind', 'apiVersion'];
  }
}

/** The name under which the caller has put ObjectMeta. */
export const objectMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const textField: Published = { type: 'string' };

/** Keywords whose value holds further schemas. */
const nested = new Set([
  'properties',
  'items',
  'additionalProperties',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
]);

const siteKeywords = [
  'description',
  'default',
  'nullable',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-map-type',
] as const;

/** Formats that only built-in kinds use, and the parts that upstream publishes for them. */
const commonFormats = new Map<string, keyof typeof commonComponents>([
  ['quantity', 'io.k8s.apimachinery.pkg.api.resource.Quantity'],
  ['int-or-string', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'],
  ['micro-time', 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime'],
  ['fields-v1', 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1'],
]);

function withoutSite(published: Published): Published {
  const {
    'x-kubernetes-patch-strategy': _s,
    'x-kubernetes-patch-merge-key': _k,
    ...own
  } = published;
  return own;
}

function intOrString(published: Published): void {
  if (published['type'] !== undefined || published['anyOf'] !== undefined) return;
  if (published['allOf'] !== undefined) return;
  published['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
}
