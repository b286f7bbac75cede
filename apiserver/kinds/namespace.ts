/** Namespace: `spec.finalizers` keeps it until its content is gone; some can never be deleted. */

import { asArray, asString, at, child } from '../../api/json.ts';
import { forbidden } from '../../api/status.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

/** Made at start when they are missing. */
export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const undeletable = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceStrategy: Strategy = {
  ...plainStrategy,
  typesFirst: true,
  nameRule: 'label',
  deleteCollection: false,
  selectableFields: { 'status.phase': (namespace) => asString(at(namespace, 'status', 'phase')) },
  prepareForCreate(namespace) {
    child(namespace, 'spec')['finalizers'] = ['kubernetes'];
    namespace['status'] = { phase: 'Active' };
    labelWithName(child(namespace, 'metadata'));
  },
  prepareForUpdate(namespace, old) {
    // The finalizer list has its own subresource, and the status too.
    namespace['spec'] = old['spec'];
    namespace['status'] = old['status'];
    labelWithName(child(namespace, 'metadata'));
  },
  checkDelete({ name }) {
    if (undeletable.has(name))
      throw forbidden(
        { group: '', resource: 'namespaces' },
        name,
        'this namespace may not be deleted',
      );
  },
  retained: (namespace) => asArray(at(namespace, 'spec', 'finalizers')).length > 0,
  beginDeletion(namespace) {
    namespace['status'] = { ...child(namespace, 'status'), phase: 'Terminating' };
  },
};

function labelWithName(metadata: ReturnType<typeof child>): void {
  metadata['labels'] = {
    ...child(metadata, 'labels'),
    'kubernetes.io/metadata.name': metadata['name'],
  };
}
