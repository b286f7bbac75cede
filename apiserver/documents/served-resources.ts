/** What the registry serves, as discovery and OpenAPI name it. */
import type { Schema } from '../../api/schema.ts';
import { machineRequests } from '../../api/vm-states.ts';
import { virtualKinds } from '../../crds/index.ts';
import type { OpenApiKind, ServedResource, ServedSubresource } from '../present/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { metricPlurals, namePlurals, postedPlurals, virtualSchemas } from '../registry/virtual.ts';

const allVerbs = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
/** In upstream's order, which clients print. */
const customVerbs = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];
const partVerbs = ['get', 'patch', 'update'];

/** Why an instance is where it is; also of custom kinds. */
const why: ServedSubresource = {
  name: 'why',
  kind: 'Why',
  group: 'berth.dev',
  version: 'v1',
  verbs: ['get'],
};

/** Subresources that only built-in kinds have, by `plural`. */
const builtinSubresources: Readonly<Record<string, readonly ServedSubresource[]>> = {
  certificatesigningrequests: [
    { name: 'approval', kind: 'CertificateSigningRequest', verbs: ['get', 'update'] },
  ],
  namespaces: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
  nodes: [
    { name: 'adoptable', kind: 'Node', verbs: ['get'] },
    { name: 'images', kind: 'Node', verbs: ['create', 'delete', 'get'] },
  ],
  pods: [
    { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    why,
  ],
  serviceaccounts: [
    {
      name: 'token',
      kind: 'TokenRequest',
      group: 'authentication.k8s.io',
      version: 'v1',
      verbs: ['create'],
    },
  ],
};

export function servedResources(registry: Registry): ServedResource[] {
  const stored = registry.all().map((kind) => ({
    ...kind,
    verbs: verbsOf(kind),
    subresources: subresourcesOf(kind),
  }));
  return [...stored, ...virtualResources()].sort((a, b) => (a.plural < b.plural ? -1 : 1));
}

export function openApiKinds(registry: Registry): OpenApiKind[] {
  const stored = registry.all().map((kind) => ({
    ...kind,
    verbs: verbsOf(kind),
    subresources: subresourcesOf(kind).map((sub) => {
      const schema = sub.kind === kind.kind ? undefined : virtualSchemas[sub.kind];
      return schema === undefined ? sub : { ...sub, schema };
    }),
  }));
  return [
    ...stored,
    ...virtualResources().map((resource) => ({
      ...resource,
      listKind: `${resource.kind}List`,
      builtin: true,
      schema: virtualSchemas[resource.kind] ?? emptySchema,
      selectableJsonPaths: [],
    })),
  ];
}

const emptySchema: Schema = { type: 'object' };

function verbsOf(kind: ServedKind): readonly string[] {
  if (!kind.builtin) return customVerbs;
  return kind.strategy.deleteCollection
    ? allVerbs
    : allVerbs.filter((verb) => verb !== 'deletecollection');
}

/** Of Berth's own kinds, by `plural.group`: as pods have them. */
const ownSubresources: Readonly<Record<string, readonly ServedSubresource[]>> = {
  'vms.berth.dev': [
    ...(builtinSubresources['pods'] ?? []).filter(({ name }) =>
      ['attach', 'exec', 'log', 'portforward', 'why'].includes(name),
    ),
    ...machineRequests.map((name) => ({ name, kind: 'VM', verbs: ['create'] })),
    { name: 'vnc', kind: 'VM', verbs: ['get'] },
  ],
  'workloads.berth.dev': [why],
};

function subresourcesOf(kind: ServedKind): ServedSubresource[] {
  const own = kind.builtin
    ? (builtinSubresources[kind.plural] ?? [])
    : (ownSubresources[`${kind.plural}.${kind.group}`] ?? []);
  const status = { name: 'status', kind: kind.kind, verbs: partVerbs };
  const parts = Object.keys(kind.strategy.parts ?? {}).map((name) => ({
    name,
    kind: kind.kind,
    verbs: partVerbs,
  }));
  const scale = {
    name: 'scale',
    kind: 'Scale',
    group: 'autoscaling',
    version: 'v1',
    verbs: partVerbs,
  };
  return [
    ...own,
    ...parts,
    ...(kind.hasStatus ? [status] : []),
    ...(kind.scale === undefined ? [] : [scale]),
  ];
}

function virtualResources(): ServedResource[] {
  return virtualKinds.flatMap(({ group, names, scope, versions }) => {
    const metric = metricPlurals.get(names.kind);
    const name = namePlurals.get(names.kind);
    const plural = metric ?? name ?? postedPlurals.get(names.kind);
    const version = versions[0]?.name;
    if (plural === undefined || version === undefined) return [];
    return [
      {
        group,
        version,
        plural,
        singular: metric === undefined ? names.kind.toLowerCase() : '',
        kind: names.kind,
        namespaced: scope === 'Namespaced',
        shortNames: [],
        categories: [],
        verbs: metric !== undefined ? ['get', 'list'] : name !== undefined ? ['get'] : ['create'],
        subresources: [],
      },
    ];
  });
}
