/**
 * What an agent (`system:node:<name>`, group `system:nodes`) may do: read and write what is bound to its
 * node, and nothing else. Source: Kubernetes "Using Node Authorization".
 */

import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';
import type { Attributes, Authorizer } from './authorize.ts';
import type { RbacSource } from './rbac.ts';

const nodePrefix = 'system:node:';
const reads = new Set(['get', 'list', 'watch']);
const pods = { group: '', plural: 'pods' };

/** The node that `user` speaks for, or `undefined`. */
export function nodeNameOf(user: { readonly name: string; readonly groups: readonly string[] }) {
  if (!user.groups.includes('system:nodes') || !user.name.startsWith(nodePrefix)) return undefined;
  return user.name.slice(nodePrefix.length);
}

export function createNodeAuthorizer(source: RbacSource): Authorizer {
  return (user, attributes) => {
    const node = nodeNameOf(user);
    if (node === undefined || !attributes.isResource) return 'next';
    return mayNode(source, node, attributes) ? 'allow' : 'next';
  };
}

function mayNode(source: RbacSource, node: string, attributes: Attributes): boolean {
  const { group, resource, subresource, verb, name, namespace } = attributes;
  switch (group === '' ? resource : `${resource}.${group}`) {
    case 'pods':
      if (subresource === '' && (verb === 'list' || verb === 'watch'))
        return attributes.fieldSelector.split(',').includes(`spec.nodeName=${node}`);
      if (!isBoundTo(source, node, namespace, name)) return false;
      return subresource === 'status'
        ? ['get', 'patch', 'update'].includes(verb)
        : subresource === '' && ['get', 'delete'].includes(verb);
    case 'nodes':
      if (verb === 'create' && subresource === '') return true;
      return name === node && (reads.has(verb) || verb === 'patch' || verb === 'update');
    case 'configmaps':
    case 'secrets':
      return mayRead(source, node, attributes);
    case 'events':
      return ['create', 'patch', 'update'].includes(verb);
    case 'leases.coordination.k8s.io':
      return namespace === 'kube-node-lease' && (verb === 'create' || name === node);
    default:
      return false;
  }
}

/** One object by its name; a list or watch must say by a field selector which one it is about. */
function mayRead(source: RbacSource, node: string, attributes: Attributes): boolean {
  const { resource, verb, namespace, fieldSelector } = attributes;
  const name = attributes.name || (/^metadata\.name=([^,=!]+)$/.exec(fieldSelector)?.[1] ?? '');
  return reads.has(verb) && name !== '' && isReferenced(source, node, namespace, resource, name);
}

function isBoundTo(source: RbacSource, node: string, namespace: string, name: string): boolean {
  const pod = source.get(objectKey(pods, { namespace, name }));
  return asString(at(pod?.object, 'spec', 'nodeName')) === node;
}

/** Whether a pod bound to `node` names this ConfigMap or Secret. */
function isReferenced(
  source: RbacSource,
  node: string,
  namespace: string,
  resource: string,
  name: string,
): boolean {
  return source
    .list(listPrefix(pods, namespace))
    .some(
      ({ object }) =>
        asString(at(object, 'spec', 'nodeName')) === node &&
        referencesOf(asObject(object['spec']) ?? {}, resource).has(name),
    );
}

function referencesOf(spec: JsonObject, resource: string): Set<string> {
  const names = new Set<string>();
  const secret = resource === 'secrets';
  const keyRef = secret ? 'secretKeyRef' : 'configMapKeyRef';
  const envFromRef = secret ? 'secretRef' : 'configMapRef';
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of asArray(spec[list]).map(asObject)) {
      for (const env of asArray(container?.['env']).map(asObject))
        names.add(asString(at(env, 'valueFrom', keyRef, 'name')));
      for (const from of asArray(container?.['envFrom']).map(asObject))
        names.add(asString(at(from, envFromRef, 'name')));
    }
  }
  for (const volume of asArray(spec['volumes']).map(asObject)) {
    names.add(
      asString(secret ? at(volume, 'secret', 'secretName') : at(volume, 'configMap', 'name')),
    );
    for (const part of asArray(at(volume, 'projected', 'sources')).map(asObject))
      names.add(asString(at(part, secret ? 'secret' : 'configMap', 'name')));
  }
  for (const pull of asArray(spec['imagePullSecrets']).map(asObject))
    if (secret) names.add(asString(pull?.['name']));
  names.delete('');
  return names;
}
