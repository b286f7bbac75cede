/** Names of instances, reservations and workloads: `<name>.<namespace>.berth`. */
import type { KubeObject, Resource } from './meta.ts';

/** The domain that nodes answer for. */
export const clusterNames = 'berth';

/** Read by nodes; never stored. */
export const names: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'names',
  kind: 'Name',
  namespaced: true,
};

/** Where something is reached; no addresses while it has none. */
export interface NameAnswer extends KubeObject {
  readonly addresses: readonly string[];
}
