/**
 * The schema of a kind: Kubernetes' structural OpenAPI v3 subset, plus what Berth's own files add to it.
 * Source of the `x-kubernetes-*` meanings: Kubernetes API reference, "CustomResourceDefinition".
 */
import type { JsonObject, JsonValue } from './meta.ts';

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly description?: string;
  readonly title?: string;
  readonly default?: JsonValue;
  readonly example?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  /** Built-in kinds only: how strategic merge patch treats this list or map. */
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  /**
   * Built-in kinds only: the field's number in upstream's protobuf message. The wire type follows
   * from `type` and `format`: `int32`/`int64` varint, `byte` bytes, `date-time` Time,
   * `micro-time` MicroTime, `quantity` Quantity, `int-or-string` IntOrString, `fields-v1` FieldsV1;
   * objects with properties are messages, with `additionalProperties` map entries, arrays repeat.
   */
  readonly 'x-berth-proto'?: number;
  /**
   * The scalar is optional upstream (a pointer in Go): when it stands in a message, even zero or
   * empty was said. Other scalars are always written; zero means that nothing was said.
   */
  readonly 'x-berth-proto-optional'?: boolean;
  /** An array that travels as a message of its own, whose field of this number repeats the items. */
  readonly 'x-berth-proto-items'?: number;
  /** Fields that stand in this object in JSON, and in a nested message in protobuf. */
  readonly 'x-berth-proto-inline'?: readonly ProtoInline[];
  /** A Kubernetes field that is kept but not acted on; a request that sets it gets a warning. */
  readonly 'x-berth-ignored'?: boolean;
  /** The name in OpenAPI documents of a shared part: `io.k8s.api.core.v1.PodSpec`. */
  readonly 'x-berth-definition'?: string;
}

/** The nested message at `number` holds `fields`; their `x-berth-proto` counts within that message. */
export interface ProtoInline {
  readonly number: number;
  readonly fields: readonly string[];
  /** Messages inside of it, the same way. */
  readonly inline?: readonly ProtoInline[];
}

export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'string' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** One version of a kind as served. */
export interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly subresources?: {
    readonly status?: Record<string, never>;
    readonly scale?: {
      readonly specReplicasPath: string;
      readonly statusReplicasPath: string;
      readonly labelSelectorPath?: string;
    };
  };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

/** The `spec` of a CustomResourceDefinition; built-in kinds are described in the same form. */
export interface KindDefinition {
  readonly group: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly names: {
    readonly plural: string;
    readonly singular?: string;
    readonly kind: string;
    readonly listKind?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly KindVersion[];
  readonly conversion?: {
    readonly strategy: 'None' | 'Webhook';
    readonly webhook?: {
      readonly clientConfig?: JsonObject;
      /** Versions of ConversionReview, best first. */
      readonly conversionReviewVersions?: readonly string[];
    };
  };
  readonly preserveUnknownFields?: boolean;
  /** Built-in kinds only: upstream's message, `k8s.io.api.core.v1.Pod`; absent = no protobuf bodies. */
  readonly 'x-berth-proto-message'?: string;
}
