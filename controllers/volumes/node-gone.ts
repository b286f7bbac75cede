import type { KubeObject } from '../../api/meta.ts';
import { nodes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';

/** Whoever deletes a Node says that it does not come back: nobody will ever wipe what lies there. */
export async function isNodeGone<T extends KubeObject>(
  { client, informers, signal }: Reconcile<T>,
  name: string,
): Promise<boolean> {
  if (name === '' || informers.for(nodes).get(name) !== undefined) return false;
  try {
    await client.get<KubeObject>(nodes, { name }, { signal });
    return false;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}
