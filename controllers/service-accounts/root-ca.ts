/**
 * Publishes the plane's authority in every namespace, for programs that talk to the API from pods.
 * Source: kubernetes pkg/controller/certificates/rootcacertpublisher.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ConfigMap, Namespace } from '../../api/kinds.gen.ts';
import { configMaps, namespaces } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';

const mapName = 'kube-root-ca.crt';
const description = 'kubernetes.io/description';
const text =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as ' +
  'the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of ' +
  'Kubernetes clusters.';

/** `ca` is PEM. */
export function rootCaController(ca: string): Controller<Namespace> {
  return defineController<Namespace>({
    name: 'root-ca-certificate-publisher-controller',
    for: namespaces,
    observedGeneration: false,
    watches: [
      {
        resource: configMaps,
        keys: ({ metadata }) => (metadata.name === mapName ? [metadata.namespace ?? ''] : []),
      },
    ],
    reconcile: async ({ name }, ctx) => {
      await publish(name, ca, ctx);
      return undefined;
    },
  });
}

async function publish(
  namespace: string,
  ca: string,
  { client, informers, signal, log }: Reconcile<Namespace>,
): Promise<void> {
  const data = { 'ca.crt': ca };
  const known = informers.for<ConfigMap>(configMaps).get(`${namespace}/${mapName}`);
  const annotations = { ...known?.metadata.annotations, [description]: text };
  try {
    if (known === undefined) {
      const metadata = { name: mapName, namespace, annotations };
      const made: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      await client.create<ConfigMap>(configMaps, made, { signal });
      log.info({ namespace }, 'authority published');
      return;
    }
    if (
      isDeepStrictEqual(known.data, data) &&
      known.metadata.annotations?.[description] !== undefined
    )
      return;
    const metadata = { ...known.metadata, annotations };
    await client.update<ConfigMap>(configMaps, { ...known, metadata, data }, { signal });
  } catch (error) {
    // There already, or the namespace is on its way out.
    if (!hasReason(error, 'AlreadyExists', 'NotFound', 'Forbidden')) throw error;
  }
}
