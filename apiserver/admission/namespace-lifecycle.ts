/** Namespaced objects need a namespace that is there and stays. Source: Kubernetes NamespaceLifecycle. */
import { asString, at } from '../../api/json.ts';
import { forbidden, notFound, StatusError } from '../../api/status.ts';
import { type Cached, metaString } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AdmissionPlugin, Attributes } from './plugin.ts';

const namespaces = { group: '', plural: 'namespaces' };

export function namespaceLifecycle(objects: ObjectStore): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    handles: ({ operation, served, namespace }) =>
      operation === 'CREATE' && served.namespaced && namespace !== '',
    // In the first phase: who writes to a namespace that is not there is told so before anything else.
    async mutate(attributes) {
      await check(objects, attributes);
      return undefined;
    },
  };
}

async function check(objects: ObjectStore, attributes: Attributes): Promise<void> {
  const key = { name: attributes.namespace };
  // What the cache says in favour is good enough: a namespace is only finished when it is found empty.
  const known = objects.cache.get(objectKey(namespaces, key));
  if (known !== undefined && !isTerminating(known)) return;
  const namespace = await objects.get(namespaces, key, attributes.signal);
  if (namespace === undefined) throw noNamespace(attributes.namespace);
  if (isTerminating(namespace)) throw terminating(attributes);
}

function isTerminating({ object }: Cached): boolean {
  return (
    asString(at(object, 'status', 'phase')) === 'Terminating' ||
    metaString(object, 'deletionTimestamp') !== ''
  );
}

function noNamespace(name: string): StatusError {
  const error = notFound({ group: '', resource: 'namespaces' }, name);
  const message = `${error.message}: create it first, with: kubectl create namespace ${name}`;
  return new StatusError(error.code, error.reason, message, error.details);
}

function terminating({ served, name, namespace }: Attributes): StatusError {
  const error = forbidden(
    { group: served.group, resource: served.plural },
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  return new StatusError(error.code, error.reason, error.message, {
    ...error.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}
