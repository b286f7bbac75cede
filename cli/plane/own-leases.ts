/** Leases that an earlier process of this very plane left behind when it was killed. */
import type { KubeObject, Resource } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string };
}

const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  namespaced: true,
};

const namespace = 'kube-system';

/**
 * Gives back the leases held by `<plane>_…`: only one process at a time has the plane's data
 * directory, and that is us, so their holder is dead and nobody need wait until they expire.
 */
export async function releaseOwnLeases(
  client: Client,
  plane: string,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.list<Lease>(leases, { namespace, signal });
  for (const { metadata, spec } of items) {
    if (!spec?.holderIdentity?.startsWith(`${plane}_`)) continue;
    const { name = '', resourceVersion } = metadata;
    // Naming the version makes it fail if anybody has taken the lease in between.
    const patch = {
      metadata: resourceVersion === undefined ? {} : { resourceVersion },
      spec: { holderIdentity: '' },
    };
    try {
      await client.patch(leases, { namespace, name }, patch, { signal });
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}
