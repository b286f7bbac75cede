/** Writes a pod's status when it differs from what the API has. */
import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodStatus } from '../api/kinds.gen.ts';
import type { JsonObject } from '../api/meta.ts';
import { pods } from '../api/resources.gen.ts';
import { hasReason } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import type { CallOptions } from '../lib/call.ts';

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

/**
 * The pod as it is after the write; the same pod when nothing had to be written; `undefined` when it
 * is gone. `build` is asked again with the newest pod when somebody else wrote in between.
 */
export async function writePodStatus(
  client: Client,
  pod: Pod,
  build: (pod: Pod) => PodStatus,
  { signal }: CallOptions,
): Promise<Pod | undefined> {
  const { namespace = '', name = '', uid } = pod.metadata;
  let newest = pod;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const patch = statusPatch(newest.status ?? {}, build(newest));
      if (patch === undefined) return newest;
      const { resourceVersion } = newest.metadata;
      const body = { metadata: { resourceVersion, uid }, status: patch };
      const options = { subresource: 'status', fieldManager: 'berth-agent', signal };
      try {
        return await client.patch<Pod>(pods, { namespace, name }, body, options);
      } catch (error) {
        if (!hasReason(error, 'Conflict') || attempt > 3) throw error;
        newest = await client.get<Pod>(pods, { namespace, name }, { signal });
        if (newest.metadata.uid !== uid) return undefined;
      }
    }
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function statusPatch(before: PodStatus, after: PodStatus): JsonObject | undefined {
  const patch: JsonObject = {};
  for (const field of owned) {
    if (isDeepStrictEqual(before[field], after[field])) continue;
    // A status consists of JSON values only.
    patch[field] = (after[field] ?? null) as JsonObject[string];
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
