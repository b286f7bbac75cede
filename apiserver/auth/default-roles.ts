/** The roles and bindings that every plane starts with; made when missing; nothing is taken from them later. */
import type { JsonObject } from '../../api/meta.ts';
import { machineActions } from '../../api/vm-states.ts';
import { issuerPaths } from '../documents/issuer.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const readVerbs = ['get', 'list', 'watch'];
const writeVerbs = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const coreNamespaced = [
  'configmaps',
  'events',
  'pods',
  'pods/log',
  'pods/status',
  'pods/why',
  'serviceaccounts',
];

interface Rule extends JsonObject {
  verbs: string[];
}

const workloads: Rule = {
  apiGroups: ['berth.dev'],
  resources: [
    'ipreservations',
    'ipreservations/status',
    'vms',
    'vms/status',
    'vmsnapshots',
    'vmsnapshots/status',
    'volumes',
    'volumes/status',
    'volumesnapshots',
    'volumesnapshots/status',
    'workloads',
    'workloads/scale',
    'workloads/status',
  ],
  verbs: readVerbs,
};

const budgets: Rule = {
  apiGroups: ['policy'],
  resources: ['poddisruptionbudgets', 'poddisruptionbudgets/status'],
  verbs: readVerbs,
};

const revisions: Rule = {
  apiGroups: ['apps'],
  resources: ['controllerrevisions'],
  verbs: readVerbs,
};

const usage: Rule = {
  apiGroups: ['metrics.k8s.io'],
  resources: ['pods', 'nodes'],
  verbs: ['get', 'list'],
};

const placement: Rule = {
  apiGroups: ['berth.dev'],
  resources: ['vms/why', 'workloads/why'],
  verbs: ['get'],
};

const naming: Rule = { apiGroups: ['berth.dev'], resources: ['names'], verbs: ['get'] };

const viewRules: Rule[] = [
  {
    apiGroups: [''],
    resources: [
      ...coreNamespaced,
      'limitranges',
      'namespaces',
      'resourcequotas',
      'resourcequotas/status',
    ],
    verbs: readVerbs,
  },
  workloads,
  budgets,
  revisions,
  usage,
  placement,
  naming,
];

const editRules: Rule[] = [
  {
    apiGroups: [''],
    resources: ['secrets', 'pods/attach', 'pods/exec', 'pods/portforward'],
    verbs: [...readVerbs, ...writeVerbs],
  },
  {
    apiGroups: ['berth.dev'],
    resources: ['attach', 'exec', 'portforward', 'restore', 'vnc', ...machineActions].map(
      (each) => `vms/${each}`,
    ),
    verbs: [...readVerbs, ...writeVerbs],
  },
  {
    apiGroups: [''],
    resources: ['configmaps', 'pods', 'pods/eviction', 'serviceaccounts', 'events'],
    verbs: writeVerbs,
  },
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  { ...workloads, verbs: writeVerbs },
  { apiGroups: ['berth.dev'], resources: ['plans', 'capacities'], verbs: ['create'] },
  { ...budgets, verbs: writeVerbs },
];

const adminRules: Rule[] = [
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['roles', 'rolebindings'],
    verbs: [...readVerbs, ...writeVerbs],
  },
];

const discoveryPaths = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];
const publicPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** Plural → objects. */
export const defaultRbac: Readonly<
  Record<'clusterroles' | 'clusterrolebindings', readonly JsonObject[]>
> = {
  clusterroles: [
    role('cluster-admin', [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ]),
    // Their rules are also gathered by a controller: what is labelled so is added to them.
    sum('admin', [...adminRules, ...editRules, ...viewRules]),
    sum('edit', [...editRules, ...viewRules], 'admin'),
    sum('view', viewRules, 'edit'),
    role('system:aggregate-to-admin', adminRules, aggregateTo('admin')),
    role('system:aggregate-to-edit', editRules, aggregateTo('edit')),
    role('system:aggregate-to-view', viewRules, aggregateTo('view')),
    role('system:node-bootstrapper', [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests'],
        verbs: ['create', 'get', 'list', 'watch'],
      },
    ]),
    role('system:auth-delegator', [
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['tokenreviews'],
        verbs: ['create'],
      },
      {
        apiGroups: ['authorization.k8s.io'],
        resources: ['subjectaccessreviews'],
        verbs: ['create'],
      },
    ]),
    role('system:service-account-issuer-discovery', [
      { nonResourceURLs: issuerPaths.flatMap((path) => [path, `${path}/`]), verbs: ['get'] },
    ]),
    role('system:discovery', [{ nonResourceURLs: discoveryPaths, verbs: ['get'] }]),
    role('system:public-info-viewer', [{ nonResourceURLs: publicPaths, verbs: ['get'] }]),
    role('system:basic-user', [
      {
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
        verbs: ['create'],
      },
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['selfsubjectreviews'],
        verbs: ['create'],
      },
    ]),
  ],
  clusterrolebindings: [
    binding('cluster-admin', 'cluster-admin', ['system:masters']),
    binding('berth:node-bootstrap', 'system:node-bootstrapper', ['system:bootstrappers']),
    binding('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', [
      'system:serviceaccounts',
    ]),
    binding('system:discovery', 'system:discovery', ['system:authenticated']),
    binding('system:basic-user', 'system:basic-user', ['system:authenticated']),
    binding('system:public-info-viewer', 'system:public-info-viewer', [
      'system:authenticated',
      'system:unauthenticated',
    ]),
  ],
};

function metadata(name: string, labels: JsonObject = {}): JsonObject {
  return { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels } };
}

function role(name: string, rules: readonly JsonObject[], labels: JsonObject = {}): JsonObject {
  return { apiVersion, kind: 'ClusterRole', metadata: metadata(name, labels), rules };
}

/** A role that is the sum of those labelled for it; `rules` hold until they are gathered. */
function sum(name: string, rules: readonly JsonObject[], into?: string): JsonObject {
  const labels = into === undefined ? {} : aggregateTo(into);
  const clusterRoleSelectors = [{ matchLabels: aggregateTo(name) }];
  return { ...role(name, rules, labels), aggregationRule: { clusterRoleSelectors } };
}

function aggregateTo(name: string): JsonObject {
  return { [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' };
}

function binding(name: string, roleName: string, groups: readonly string[]): JsonObject {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: metadata(name),
    roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
    subjects: groups.map((group) => ({ apiGroup, kind: 'Group', name: group })),
  };
}
