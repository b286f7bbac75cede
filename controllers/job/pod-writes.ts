/** Writes to pods of a Job, each onto exactly the pod that was looked at. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { pods as podResource } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { removedAnnotation, trackingFinalizer } from './job-pod.ts';

interface Deps {
  readonly client: Client;
  readonly signal: AbortSignal;
}

/** Lets the pod go; `undefined` when it is gone with that. */
export async function releasePod(deps: Deps, pod: Pod): Promise<Pod | undefined> {
  const finalizers = (pod.metadata.finalizers ?? []).filter((each) => each !== trackingFinalizer);
  // The list is replaced whole, so nobody else may have changed it meanwhile.
  const released = await patchExactly(deps, pod, { finalizers });
  const gone =
    released?.metadata.deletionTimestamp !== undefined &&
    (released.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    finalizers.length === 0;
  return gone ? undefined : released;
}

/** So that its end does not count as a failure, whenever it comes. */
export async function markRemoved(deps: Deps, pod: Pod): Promise<Pod | undefined> {
  return patchExactly(deps, pod, { annotations: { [removedAnnotation]: 'true' } });
}

async function patchExactly(
  { client, signal }: Deps,
  pod: Pod,
  change: JsonObject,
): Promise<Pod | undefined> {
  const { namespace = '', name = '', uid, resourceVersion } = pod.metadata;
  const patch = { metadata: { uid, resourceVersion, ...change } };
  try {
    return await client.patch<Pod>(podResource, { namespace, name }, patch, { signal });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
