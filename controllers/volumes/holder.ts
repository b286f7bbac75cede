/**
 * Who holds a Volume: whoever was bound with it, until that is gone or has ended for good. A stopped instance goes on
 * holding it.
 */
import type { Pod, VM, Volume, VolumeHolder } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { claimsOf, isPlaced } from '../../api/volume.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';

/** Index of pods and machines: `namespace/name` of the Volumes that they claim. */
const byClaim = 'volume-claim';

type Instance = Pod | VM;

export function indexClaims(informers: Informers): void {
  for (const resource of [pods, vms]) informers.index<Instance>(resource, byClaim, claimedKeys);
}

/** Keys of the Volumes that an instance claims. */
export function claimedKeys(instance: KubeObject): readonly string[] {
  const { namespace = '' } = instance.metadata;
  return claimsOf(podOf(instance)).map((name) => `${namespace}/${name}`);
}

/** Asks the server before it believes that a holder is gone: two holders are worse than a wait. */
export async function presentHolder(ctx: Reconcile<Volume>): Promise<Instance | undefined> {
  const { client, informers, object, signal } = ctx;
  const { holder } = object.status ?? {};
  if (holder === undefined) return undefined;
  const { namespace = '' } = object.metadata;
  const resource = holder.kind === vms.kind ? vms : pods;
  const known = informers.for<Instance>(resource).get(`${namespace}/${holder.name}`);
  const isHere = (instance: Instance) => instance.metadata.uid === holder.uid;
  if (known !== undefined && isHere(known)) return holds(known, object) ? known : undefined;
  try {
    const key = { namespace, name: holder.name };
    const found = await client.get<Instance>(resource, key, { signal });
    return isHere(found) && holds(found, object) ? found : undefined;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * For a Volume that nobody holds: the oldest of those that were bound to its node without it (by whoever wrote
 * `spec.nodeName`, or because a machine was given one more disk).
 */
export function nextHolder({ informers, object }: Reconcile<Volume>): VolumeHolder | undefined {
  if (!isPlaced(object)) return undefined;
  const key = keyOf(object);
  const [next] = [pods, vms]
    .flatMap((resource) => informers.for<Instance>(resource).byIndex(byClaim, key))
    .filter(({ metadata, spec }) => {
      return metadata.deletionTimestamp === undefined && spec.nodeName === object.spec.nodeName;
    })
    .filter((instance) => holds(instance, object))
    .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  if (next === undefined) return undefined;
  const { name = '', uid = '' } = next.metadata;
  return { kind: isMachine(next) ? vms.kind : pods.kind, name, uid };
}

/** What of an instance a holder is told by. */
export function stateOf(object: KubeObject): string {
  const { metadata, spec, status } = object as Instance; // As watched.
  const claims = claimedKeys(object).join();
  return `${metadata.deletionTimestamp} ${spec.nodeName} ${status?.phase} ${claims}`;
}

/** One that has ended, and a machine that was taken the disk away, has no use for it any more. */
function holds(instance: Instance, volume: Volume): boolean {
  const { phase } = instance.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return false;
  return claimedKeys(instance).includes(keyOf(volume));
}

function orderOf({ kind, metadata }: Instance): string {
  return `${metadata.creationTimestamp} ${kind} ${metadata.name}`;
}

function podOf(instance: KubeObject): Pod {
  // Only pods and machines come here.
  return isMachine(instance) ? podOfVm(instance) : (instance as Pod);
}

function isMachine(instance: KubeObject): instance is VM {
  return instance.kind === vms.kind;
}
