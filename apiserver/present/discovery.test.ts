import { describe, expect, it } from 'vitest';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  compareVersions,
  type ServedResource,
} from './discovery.ts';

const verbs = ['get', 'list'];
const pods: ServedResource = {
  group: '',
  version: 'v1',
  plural: 'pods',
  singular: 'pod',
  kind: 'Pod',
  namespaced: true,
  shortNames: ['po'],
  categories: ['all'],
  verbs,
  subresources: [
    { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    { name: 'status', kind: 'Pod', verbs: ['get'] },
  ],
  storageVersion: 'v1',
};
const widget = (version: string): ServedResource => ({
  ...pods,
  group: 'example.com',
  version,
  plural: 'widgets',
  singular: 'widget',
  kind: 'Widget',
  namespaced: false,
  shortNames: [],
  categories: [],
  subresources: [],
  storageVersion: undefined,
});
const all = [pods, widget('v1beta1'), widget('v1')];

describe('discovery', () => {
  it('sorts versions as Kubernetes does', () => {
    const versions = [
      'foo10',
      'v1alpha1',
      'v2',
      'v11beta2',
      'v10',
      'foo1',
      'v12alpha1',
      'v3beta1',
      'v11alpha2',
    ];
    expect(versions.sort(compareVersions)).toEqual([
      'v10',
      'v2',
      'v11beta2',
      'v3beta1',
      'v12alpha1',
      'v11alpha2',
      'v1alpha1',
      'foo1',
      'foo10',
    ]);
  });

  it('/api', () => {
    expect(apiVersions(all, 'localhost:6443')).toEqual({
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: 'localhost:6443' }],
    });
  });

  it('/apis and one group', () => {
    const v1 = { groupVersion: 'example.com/v1', version: 'v1' };
    const group = {
      name: 'example.com',
      versions: [v1, { groupVersion: 'example.com/v1beta1', version: 'v1beta1' }],
      preferredVersion: v1,
    };
    expect(apiGroupList(all)).toEqual({ kind: 'APIGroupList', apiVersion: 'v1', groups: [group] });
    expect(apiGroup(all, 'example.com')).toEqual({ kind: 'APIGroup', apiVersion: 'v1', ...group });
    expect(apiGroup(all, 'none.com')).toBeUndefined();
  });

  it('one version, with subresources', () => {
    expect(apiResourceList(all, '', 'v1')).toEqual({
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [
        {
          name: 'pods',
          singularName: 'pod',
          namespaced: true,
          kind: 'Pod',
          verbs,
          shortNames: ['po'],
          categories: ['all'],
          storageVersionHash: 'xPOwRZ+Yhw8=',
        },
        {
          name: 'pods/eviction',
          singularName: '',
          namespaced: true,
          group: 'policy',
          version: 'v1',
          kind: 'Eviction',
          verbs: ['create'],
        },
        { name: 'pods/status', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get'] },
      ],
    });
    expect(apiResourceList(all, 'example.com', 'v1')).toEqual({
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: 'example.com/v1',
      resources: [
        { name: 'widgets', singularName: 'widget', namespaced: false, kind: 'Widget', verbs },
      ],
    });
    expect(apiResourceList(all, 'example.com', 'v9')).toBeUndefined();
  });

  it('aggregated', () => {
    expect(aggregatedDiscovery(all, 'core', 'v2').items).toEqual([
      {
        metadata: {},
        versions: [
          {
            version: 'v1',
            resources: [
              {
                resource: 'pods',
                responseKind: { group: '', version: 'v1', kind: 'Pod' },
                scope: 'Namespaced',
                singularResource: 'pod',
                verbs,
                shortNames: ['po'],
                categories: ['all'],
                subresources: [
                  {
                    subresource: 'eviction',
                    responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' },
                    verbs: ['create'],
                  },
                  {
                    subresource: 'status',
                    responseKind: { group: '', version: 'v1', kind: 'Pod' },
                    verbs: ['get'],
                  },
                ],
              },
            ],
            freshness: 'Current',
          },
        ],
      },
    ]);
    const named = aggregatedDiscovery(all, 'named', 'v2beta1');
    expect(named.apiVersion).toBe('apidiscovery.k8s.io/v2beta1');
    expect(named.items.map((item) => item.metadata)).toEqual([{ name: 'example.com' }]);
    expect(named.items[0]?.versions.map((each) => each.version)).toEqual(['v1', 'v1beta1']);
  });
});
