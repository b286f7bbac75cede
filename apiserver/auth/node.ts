/**
 * What an agent (`system:node:<name>`, group `system:nodes`) may do: read and write what is bound to its
 * node, and nothing else. Source: Kubernetes "Using Node Authorization".
 */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { machineReservations, podReservations } from '../../api/reservation-refs.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';
import type { Attributes, Authorizer } from './authorize.ts';
import type { RbacSource } from './rbac.ts';

const nodePrefix = 'system:node:';
const reads = new Set(['get', 'list', 'watch']);
const writes = new Set(['update', 'patch', 'delete']);
const pods = { group: '', plural: 'pods' };
const vms = { group: 'berth.dev', plural: 'vms' };
const certificateRequests = { group: 'certificates.k8s.io', plural: 'certificatesigningrequests' };
/** On pods that are bound to the node, by subresource. */
const podVerbs: Readonly<Record<string, readonly string[]>> = {
  '': ['get', 'delete'],
  status: ['get', 'patch', 'update'],
  eviction: ['create'],
};

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
      return (podVerbs[subresource] ?? []).includes(verb);
    case 'vms.berth.dev':
      if (subresource === '' && (verb === 'list' || verb === 'watch'))
        return attributes.fieldSelector.split(',').includes(`spec.nodeName=${node}`);
      if (!isBoundTo(source, node, namespace, name, vms)) return false;
      return (podVerbs[subresource] ?? []).includes(verb);
    case 'volumes.berth.dev':
    case 'volumesnapshots.berth.dev':
      if (subresource === '' && (verb === 'list' || verb === 'watch'))
        return attributes.fieldSelector.split(',').includes(`spec.nodeName=${node}`);
      if (subresource !== '' && subresource !== 'status') return false;
      // What of the object itself it may change: `node-restriction.ts`.
      if (!['get', 'patch', 'update'].includes(verb)) return false;
      return isBoundTo(source, node, namespace, name, { group, plural: resource });
    case 'nodes':
      if (subresource !== '' && subresource !== 'status') return false;
      // Of which name is in the body: `node-restriction.ts` looks there.
      if (verb === 'create') return subresource === '';
      return name === node && (reads.has(verb) || verb === 'patch' || verb === 'update');
    case 'nodetopologies.berth.dev':
      // What it may write into it: `node-restriction.ts`.
      if (verb === 'create') return subresource === '';
      if (name !== node) return false;
      return subresource === 'status' ? ['patch', 'update'].includes(verb) : reads.has(verb);
    case 'configmaps':
    case 'secrets':
    case 'persistentvolumeclaims':
    case 'ipreservations.berth.dev':
      return mayRead(source, node, attributes);
    case 'names.berth.dev':
      return subresource === '' && verb === 'get';
    case 'ippools.berth.dev':
      return subresource === '' && reads.has(verb);
    case 'serviceaccounts':
      // For which pod is in the body: `token-request.ts` looks there.
      if (verb !== 'create' || subresource !== 'token') return false;
      return isActedAs(source, node, namespace, name);
    case 'events.berth.dev':
      // Each of them is asked about by itself.
      return subresource === '' && verb === 'create';
    case 'events':
      return ['create', 'patch', 'update'].includes(verb);
    case 'leases.coordination.k8s.io':
      if (namespace !== 'kube-node-lease') return false;
      return verb === 'create' || (name === node && (reads.has(verb) || writes.has(verb)));
    case 'certificatesigningrequests.certificates.k8s.io':
      if (subresource !== '') return false;
      return verb === 'create' || (verb === 'get' && asksItself(source, node, name));
    default:
      return false;
  }
}

/** One object by its name, which a list or watch has from its field selector. */
function mayRead(source: RbacSource, node: string, attributes: Attributes): boolean {
  const { resource, subresource, verb, namespace, name } = attributes;
  if (subresource !== '') return false;
  return reads.has(verb) && name !== '' && isReferenced(source, node, namespace, resource, name);
}

function isBoundTo(
  source: RbacSource,
  node: string,
  namespace: string,
  name: string,
  kind = pods,
): boolean {
  const instance = source.get(objectKey(kind, { namespace, name }));
  return asString(at(instance?.object, 'spec', 'nodeName')) === node;
}

/** Whether a pod bound to `node` acts as this service account. */
function isActedAs(source: RbacSource, node: string, namespace: string, account: string): boolean {
  return source
    .list(listPrefix(pods, namespace))
    .some(
      ({ object }) =>
        asString(at(object, 'spec', 'nodeName')) === node &&
        asString(at(object, 'spec', 'serviceAccountName')) === account,
    );
}

/** Whether the request for a certificate is the node's own. */
function asksItself(source: RbacSource, node: string, name: string): boolean {
  const request = source.get(objectKey(certificateRequests, { name }));
  return asString(at(request?.object, 'spec', 'username')) === `${nodePrefix}${node}`;
}

/** Whether what is bound to `node` names this ConfigMap, Secret, claim or reservation. */
function isReferenced(
  source: RbacSource,
  node: string,
  namespace: string,
  resource: string,
  name: string,
): boolean {
  const names = resource === 'ipreservations' ? reservationsOf : referencesOf;
  const kinds = resource === 'ipreservations' ? [pods, vms] : [pods];
  return kinds
    .flatMap((kind) => source.list(listPrefix(kind, namespace)))
    .some(
      ({ object }) =>
        asString(at(object, 'spec', 'nodeName')) === node && names(object, resource).has(name),
    );
}

/** Of a pod or a machine: one has no interfaces, and the other's annotation means nothing. */
function reservationsOf(instance: JsonObject): Set<string> {
  const refs =
    at(instance, 'kind') === 'VM' ? machineReservations(instance) : podReservations(instance);
  return new Set(refs.map(({ name }) => name));
}

function referencesOf(pod: JsonObject, resource: string): Set<string> {
  const spec = asObject(pod['spec']) ?? {};
  const names = new Set<string>();
  const add = (from: JsonObject | undefined, ...path: string[]) =>
    names.add(asString(at(from, ...path)));
  const volumes = asArray(spec['volumes']).map(asObject);
  if (resource === 'persistentvolumeclaims') {
    for (const volume of volumes) add(volume, 'persistentVolumeClaim', 'claimName');
    names.delete('');
    return names;
  }
  const secret = resource === 'secrets';
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'])
    for (const container of asArray(spec[list]).map(asObject)) {
      for (const env of asArray(container?.['env']).map(asObject))
        add(env, 'valueFrom', secret ? 'secretKeyRef' : 'configMapKeyRef', 'name');
      for (const from of asArray(container?.['envFrom']).map(asObject))
        add(from, secret ? 'secretRef' : 'configMapRef', 'name');
    }
  for (const volume of volumes) {
    if (secret) add(volume, 'secret', 'secretName');
    else add(volume, 'configMap', 'name');
    for (const part of asArray(at(volume, 'projected', 'sources')).map(asObject))
      add(part, secret ? 'secret' : 'configMap', 'name');
  }
  if (secret) for (const pull of asArray(spec['imagePullSecrets']).map(asObject)) add(pull, 'name');
  names.delete('');
  return names;
}
