/** Warns of more instances than all nodes together can hold: most of them would wait for ever. */
import { podsOfAll } from '../../api/desired-count.ts';
import { at } from '../../api/json.ts';
import type { Node } from '../../api/kinds.gen.ts';
import { kindPrefix } from '../storage/keys.ts';
import type { WatchCache } from '../storage/watch-cache.ts';
import type { AdmissionPlugin } from './plugin.ts';

const nodes = kindPrefix({ group: '', plural: 'nodes' });

export function replicasBeyondNodes(cache: Pick<WatchCache, 'list'>): AdmissionPlugin {
  return {
    name: 'ReplicasBeyondNodes',
    handles: ({ operation, served, subresource }) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      (subresource === '' || subresource === 'scale') &&
      served.group === 'berth.dev' &&
      served.plural === 'workloads',
    validate({ old, warnings }, object) {
      const replicas = object === undefined ? undefined : at(object, 'spec', 'replicas');
      const before = old === undefined ? undefined : at(old, 'spec', 'replicas');
      if (typeof replicas !== 'number' || replicas === before) return;
      // As they were stored: nodes have passed their schema.
      const all = cache.list(nodes).map(({ object: node }) => node as unknown as Node);
      const most = podsOfAll(all);
      if (all.length === 0 || replicas <= most) return;
      warnings.push(
        `spec.replicas: all nodes together can hold ${most} pods, not ${replicas}; ` +
          'once many find no node, no more are made',
      );
    },
  };
}
