import {
  formatApiVersion,
  type JsonObject,
  type KubeObject,
  type ObjectMeta,
  type Resource,
} from '../../api/meta.ts';

/** Builds a resource for a test: `kind('', 'v1', 'Pod')`. */
export function kind(group: string, version: string, name: string, namespaced = true): Resource {
  return { group, version, resource: `${name.toLowerCase()}s`, kind: name, namespaced };
}

/** Builds an object of that kind for a test. */
export function object(
  resource: Resource,
  key: string,
  fields: JsonObject = {},
  metadata: ObjectMeta = {},
): KubeObject & JsonObject {
  const slash = key.indexOf('/');
  return {
    apiVersion: formatApiVersion(resource.group, resource.version),
    kind: resource.kind,
    ...fields,
    metadata: {
      name: key.slice(slash + 1),
      ...(slash < 0 ? {} : { namespace: key.slice(0, slash) }),
      ...metadata,
    },
  } as unknown as KubeObject & JsonObject; // ObjectMeta has no index signature.
}
