/** `names`: where something of a namespace is reached. Read by nodes for their servers of names. */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { notFound } from '../../api/status.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';
import { methodNotAllowed } from '../verbs/create.ts';
import type { VerbDeps } from '../verbs/deps.ts';
import { respondJson } from '../verbs/respond.ts';

const group = 'berth.dev';
const pods = { group: '', plural: 'pods' };
const vms = { group, plural: 'vms' };
const reservations = { group, plural: 'ipreservations' };
const workloads = { group, plural: 'workloads' };

/** What the answer is made of: the newest known objects. */
export interface NameSource {
  get(key: string): { readonly object: JsonObject } | undefined;
  list(prefix: string): readonly { readonly object: JsonObject }[];
}

export function isName({ group: asked, version, resource, subresource }: RequestInfo): boolean {
  return asked === group && version === 'v1' && resource === 'names' && subresource === '';
}

export async function answerName(deps: VerbDeps, { info }: RequestContext): Promise<ApiResponse> {
  const { verb, namespace, name } = info;
  if (verb !== 'get') throw methodNotAllowed();
  const addresses = addressesOf(deps.objects.cache, namespace, name);
  if (addresses === undefined) throw notFound({ group, resource: 'names' }, name);
  const head = { kind: 'Name', apiVersion: `${group}/v1`, metadata: { name, namespace } };
  return respondJson(200, { ...head, addresses: [...addresses] });
}

/**
 * The addresses of the first that has any: an instance of that name, a reservation, a workload; undefined
 * when there is nothing of that name.
 */
export function addressesOf(
  source: NameSource,
  namespace: string,
  name: string,
): readonly string[] | undefined {
  const key = { namespace, name };
  const found = [
    source.get(objectKey(pods, key)),
    source.get(objectKey(vms, key)),
    source.get(objectKey(reservations, key)),
  ].flatMap((each) => (each === undefined ? [] : [ownAddresses(each.object)]));
  const workload = source.get(objectKey(workloads, key))?.object;
  if (workload !== undefined) found.push(instanceAddresses(source, namespace, workload));
  if (found.length === 0) return undefined;
  return found.find((addresses) => addresses.length > 0) ?? [];
}

/** Pods tell theirs as `podIPs`, machines as `addresses`, reservations as `address`. */
function ownAddresses(object: JsonObject): readonly string[] {
  const { podIPs, addresses, address, phase } = asObject(object['status']) ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return [];
  const all = [...objectsOf(podIPs).map(({ ip }) => ip), ...asArray(addresses), address];
  return all.map(asString).filter((each) => each !== '');
}

/** Those that can be asked something. */
function instanceAddresses(
  source: NameSource,
  namespace: string,
  workload: JsonObject,
): readonly string[] {
  const uid = at(workload, 'metadata', 'uid');
  return source
    .list(listPrefix(pods, namespace))
    .map(({ object }) => object)
    .filter((pod) => ownersOf(pod).some((owner) => owner['uid'] === uid) && isReady(pod))
    .flatMap(ownAddresses);
}

function ownersOf(pod: JsonObject): readonly JsonObject[] {
  return objectsOf(at(pod, 'metadata', 'ownerReferences'));
}

function isReady(pod: JsonObject): boolean {
  return objectsOf(at(pod, 'status', 'conditions')).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}
