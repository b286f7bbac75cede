import type { ObjectKey, Resource } from '../api/meta.ts';

/** The URL path of a kind's collection, in one namespace or in all of them. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const { group, version, namespaced } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope =
    namespaced && namespace !== undefined && namespace !== ''
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : '';
  return `${root}${scope}/${resource.resource}`;
}

/** The URL path of one object, or of one of its subresources. */
export function objectPath(resource: Resource, key: ObjectKey, subresource?: string): string {
  if (key.name === '') throw new TypeError(`a ${resource.kind} must be named`);
  if (resource.namespaced && !key.namespace) {
    throw new TypeError(`the namespace of ${resource.kind} "${key.name}" must be named`);
  }
  const path = `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `path?query`, leaving out what is undefined or empty. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}
