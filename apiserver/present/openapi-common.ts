/** The parts of OpenAPI documents that no kind's schema holds: Status, times, amounts. */
import type { JsonValue } from '../../api/meta.ts';

interface Common {
  readonly schema: { [keyword: string]: JsonValue | undefined };
  readonly needs: readonly (keyof typeof commonComponents)[];
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const text = { type: 'string' };

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}

function leaf(schema: Common['schema']): Common {
  return { schema, needs: [] };
}

const status: Common = {
  needs: [`${meta}.ListMeta`, `${meta}.StatusDetails`],
  schema: {
    description:
      'The answer to a request that gives back no object, and to every request that fails.',
    type: 'object',
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { allOf: [ref(`${meta}.ListMeta`)] },
      status: { ...text, description: '`Success` or `Failure`.' },
      message: { ...text, description: 'What happened, for people.' },
      reason: { ...text, description: 'What happened, in one word for machines.' },
      details: { allOf: [ref(`${meta}.StatusDetails`)], 'x-kubernetes-list-type': 'atomic' },
      code: { type: 'integer', format: 'int32', description: 'The HTTP status.' },
    },
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
  },
};

const statusDetails: Common = {
  needs: [`${meta}.StatusCause`],
  schema: {
    description: 'What a Status is about.',
    type: 'object',
    properties: {
      name: { ...text, description: 'The name of the object.' },
      group: { ...text, description: 'The group of the object.' },
      kind: { ...text, description: 'The resource, or the kind where a field is wrong.' },
      uid: text,
      causes: {
        type: 'array',
        items: ref(`${meta}.StatusCause`),
        'x-kubernetes-list-type': 'atomic',
      },
      retryAfterSeconds: { type: 'integer', format: 'int32' },
    },
  },
};

const statusCause: Common = leaf({
  description: 'One of the reasons for a failure.',
  type: 'object',
  properties: {
    reason: text,
    message: text,
    field: { ...text, description: 'The field it concerns: `spec.containers[0].name`.' },
  },
});

const preconditions: Common = leaf({
  description: 'What must be true of the object for the request to be carried out.',
  type: 'object',
  properties: { uid: text, resourceVersion: text },
});

const deleteOptions: Common = {
  needs: [`${meta}.Preconditions`],
  schema: {
    description: 'How an object is to be deleted.',
    type: 'object',
    properties: {
      apiVersion: text,
      kind: text,
      dryRun: { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' },
      gracePeriodSeconds: { type: 'integer', format: 'int64' },
      orphanDependents: { type: 'boolean' },
      preconditions: { allOf: [ref(`${meta}.Preconditions`)] },
      propagationPolicy: { ...text, description: '`Orphan`, `Background` or `Foreground`.' },
    },
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'DeleteOptions', version: 'v1' }],
  },
};

const fieldsV1 = leaf({
  description: 'A set of fields, as managedFields hold it.',
  type: 'object',
});

const time = leaf({ description: 'A moment in RFC 3339.', type: 'string', format: 'date-time' });

const managedFieldsEntry: Common = {
  needs: [`${meta}.FieldsV1`, `${meta}.Time`],
  schema: {
    description: 'The fields that one manager has written.',
    type: 'object',
    properties: {
      manager: text,
      operation: { ...text, description: '`Apply` or `Update`.' },
      apiVersion: text,
      time: { allOf: [ref(`${meta}.Time`)] },
      fieldsType: text,
      fieldsV1: { allOf: [ref(`${meta}.FieldsV1`)] },
      subresource: text,
    },
  },
};

const ownerReference = leaf({
  description: 'An object that this one belongs to.',
  type: 'object',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: text,
    kind: text,
    name: text,
    uid: text,
    controller: { type: 'boolean' },
    blockOwnerDeletion: { type: 'boolean' },
  },
  'x-kubernetes-map-type': 'atomic',
});

const stringMap = { type: 'object', additionalProperties: text };

const objectMeta: Common = {
  needs: [`${meta}.ManagedFieldsEntry`, `${meta}.OwnerReference`, `${meta}.Time`],
  schema: {
    description: 'What every object has: its name, labels, owners, and bookkeeping of the server.',
    type: 'object',
    properties: {
      name: text,
      generateName: text,
      namespace: text,
      selfLink: text,
      uid: text,
      resourceVersion: text,
      generation: { type: 'integer', format: 'int64' },
      creationTimestamp: { allOf: [ref(`${meta}.Time`)] },
      deletionTimestamp: { allOf: [ref(`${meta}.Time`)] },
      deletionGracePeriodSeconds: { type: 'integer', format: 'int64' },
      labels: stringMap,
      annotations: stringMap,
      ownerReferences: {
        type: 'array',
        items: ref(`${meta}.OwnerReference`),
        'x-kubernetes-list-map-keys': ['uid'],
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-patch-merge-key': 'uid',
        'x-kubernetes-patch-strategy': 'merge',
      },
      finalizers: {
        type: 'array',
        items: text,
        'x-kubernetes-list-type': 'set',
        'x-kubernetes-patch-strategy': 'merge',
      },
      managedFields: {
        type: 'array',
        items: ref(`${meta}.ManagedFieldsEntry`),
        'x-kubernetes-list-type': 'atomic',
      },
    },
  },
};

const listMeta = leaf({
  description: 'What every list has: its revision, and where it goes on.',
  type: 'object',
  properties: {
    continue: text,
    remainingItemCount: { type: 'integer', format: 'int64' },
    resourceVersion: text,
    selfLink: text,
  },
});

const scale: Common = {
  needs: [
    `${meta}.ObjectMeta`,
    'io.k8s.api.autoscaling.v1.ScaleSpec',
    'io.k8s.api.autoscaling.v1.ScaleStatus',
  ],
  schema: {
    description: 'How many replicas are wanted, and how many there are.',
    type: 'object',
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { allOf: [ref(`${meta}.ObjectMeta`)] },
      spec: { allOf: [ref('io.k8s.api.autoscaling.v1.ScaleSpec')] },
      status: { allOf: [ref('io.k8s.api.autoscaling.v1.ScaleStatus')] },
    },
    'x-kubernetes-group-version-kind': [{ group: 'autoscaling', kind: 'Scale', version: 'v1' }],
  },
};

const replicas = { type: 'integer', format: 'int32' };

const quantity = leaf({
  description: 'An amount: a number with an optional suffix, `500m`, `1.5`, `256Mi`.',
  oneOf: [{ type: 'string' }, { type: 'number' }],
});

const intOrString = leaf({
  description: 'A number, or a name or percentage as text.',
  format: 'int-or-string',
  oneOf: [{ type: 'integer' }, { type: 'string' }],
});

/** By the names that clients know from upstream. */
export const commonComponents = {
  'io.k8s.api.autoscaling.v1.Scale': scale,
  'io.k8s.api.autoscaling.v1.ScaleSpec': leaf({ type: 'object', properties: { replicas } }),
  'io.k8s.api.autoscaling.v1.ScaleStatus': leaf({
    type: 'object',
    required: ['replicas'],
    properties: { replicas, selector: text },
  }),
  'io.k8s.apimachinery.pkg.api.resource.Quantity': quantity,
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': intOrString,
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions': deleteOptions,
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': fieldsV1,
  'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta': listMeta,
  'io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry': managedFieldsEntry,
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': time,
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': objectMeta,
  'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference': ownerReference,
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': leaf({
    description: 'The body of a PATCH request.',
    type: 'object',
  }),
  'io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions': preconditions,
  'io.k8s.apimachinery.pkg.apis.meta.v1.Status': status,
  'io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause': statusCause,
  'io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails': statusDetails,
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': time,
};
