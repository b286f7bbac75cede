/** Empties namespaces that are being deleted, and gives every other one its ServiceAccount `default`. */
import type { Namespace, ServiceAccount } from '../../api/kinds.gen.ts';
import { namespaces, serviceAccounts } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';
import { emptyNamespace } from './empty.ts';

const accountName = 'default';

export function namespaceController(): Controller<Namespace> {
  return defineController<Namespace>({
    name: 'namespace-controller',
    for: namespaces,
    observedGeneration: false,
    watches: [
      {
        resource: serviceAccounts,
        keys: ({ metadata }) => (metadata.name === accountName ? [metadata.namespace ?? ''] : []),
        matters: () => false, // Only its coming and going.
      },
    ],
    reconcile: async ({ name }, ctx) => {
      await ensureAccount(name, ctx);
      return undefined;
    },
    deleting: ({ name }, ctx) => emptyNamespace(name, ctx),
  });
}

async function ensureAccount(
  namespace: string,
  { client, informers, signal, log }: Reconcile<Namespace>,
): Promise<void> {
  const cache = informers.for<ServiceAccount>(serviceAccounts);
  if (cache.get(`${namespace}/${accountName}`) !== undefined) return;
  try {
    await client.create<ServiceAccount>(
      serviceAccounts,
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: accountName, namespace },
      },
      { signal },
    );
    log.info({ namespace }, 'service account created');
  } catch (error) {
    // There already, or the namespace is on its way out.
    if (!hasReason(error, 'AlreadyExists', 'NotFound', 'Forbidden')) throw error;
  }
}
