/** Writes a pod's status when it differs from what the API has. */
import { mergePatch } from '../../api/json.ts';
import type { Pod, PodStatus, VM, VMStatus } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import {
  type InstancePodStatus,
  isVm,
  machineConditionTypes,
  networkStatusAnnotation,
  podOfVm,
  vmStatusOf,
} from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import { newestOf } from '../../client/instance.ts';
import type { CallOptions } from '../../lib/call.ts';

/** Fields that this agent owns: absent ones are taken away. */
const owned = [
  'phase',
  'conditions',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'qosClass',
] as const satisfies readonly (keyof PodStatus)[];

const ownedOfVm = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'addresses',
  'hostIP',
  'startTime',
  'domain',
  'restarts',
  'state',
  'lastState',
  'conditions',
] as const satisfies readonly (keyof VMStatus)[];

/**
 * The pod as it is after the write; the same pod when nothing had to be written; `undefined` when it
 * is gone. `build` is asked again with the newest pod when somebody else wrote in between.
 */
export async function writePodStatus(
  client: Client,
  pod: Pod,
  build: (pod: Pod) => InstancePodStatus,
  { signal }: CallOptions,
): Promise<Pod | undefined> {
  const { namespace = '', name = '', uid } = pod.metadata;
  let newest = pod;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const built = build(newest);
      const patch = patchOf(newest, built);
      const annotations = annotationsOf(newest, built);
      if (patch === undefined && annotations === undefined) return newest;
      const { resourceVersion } = newest.metadata;
      const metadata = { resourceVersion, uid, ...(annotations ?? {}) };
      const body = { metadata, ...(patch === undefined ? {} : { status: patch }) };
      const options = { subresource: 'status', fieldManager: 'berth-agent', signal };
      const key = { namespace, name };
      try {
        if (!isVm(pod)) return await client.patch<Pod>(pods, key, body, options);
        // Custom kinds have no strategic merge: lists are replaced, which is what is wanted.
        const merge = { ...options, type: 'merge' } as const;
        return podOfVm(await client.patch<VM>(vms, key, body, merge));
      } catch (error) {
        if (!hasReason(error, 'Conflict') || attempt > 3) throw error;
        newest = await newestOf(client, pod, { signal });
        if (newest.metadata.uid !== uid) return undefined;
      }
    }
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function patchOf(pod: Pod, after: InstancePodStatus): JsonObject | undefined {
  if (!isVm(pod)) return statusPatch(owned, pod.status ?? {}, after);
  const { vm } = pod;
  // Conditions are written with those of others, which stay.
  const { conditions = [], ...rest } = vmStatusOf(after, vm);
  const own = new Set([...machineConditionTypes, ...conditions.map(({ type }) => type)]);
  const others = (vm.status?.conditions ?? []).filter(({ type }) => !own.has(type));
  return statusPatch(ownedOfVm, vm.status ?? {}, {
    ...rest,
    conditions: [...others, ...conditions],
  });
}

/** The status of a pod may be written together with its annotations, as upstream. */
function annotationsOf(pod: Pod, { networkStatus }: InstancePodStatus) {
  const known = pod.metadata.annotations?.[networkStatusAnnotation];
  if (isVm(pod) || networkStatus === undefined || networkStatus === known) return undefined;
  return { annotations: { [networkStatusAnnotation]: networkStatus } };
}

function statusPatch<Status extends object>(
  fields: readonly (keyof Status & string)[],
  before: Status,
  after: Status,
): JsonObject | undefined {
  // A status consists of JSON values only.
  const ownPart = (status: Status) =>
    Object.fromEntries(fields.map((field) => [field, status[field]])) as JsonObject;
  const patch = mergePatch(ownPart(before), ownPart(after));
  return Object.keys(patch).length === 0 ? undefined : patch;
}
