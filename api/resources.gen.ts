// Generated from crds/**/*.yaml by `npx tsx scripts/generate.ts`; do not edit.

import type { Resource } from './meta.ts';

export const certificateSigningRequests: Resource = {
  group: 'certificates.k8s.io',
  version: 'v1',
  resource: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
};

export const clusterRoleBindings: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};

export const clusterRoles: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
};

export const configMaps: Resource = {
  group: '',
  version: 'v1',
  resource: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

export const controllerRevisions: Resource = {
  group: 'apps',
  version: 'v1',
  resource: 'controllerrevisions',
  kind: 'ControllerRevision',
  namespaced: true,
};

export const customResourceDefinitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

export const events: Resource = {
  group: '',
  version: 'v1',
  resource: 'events',
  kind: 'Event',
  namespaced: true,
};

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export const limitRanges: Resource = {
  group: '',
  version: 'v1',
  resource: 'limitranges',
  kind: 'LimitRange',
  namespaced: true,
};

export const mutatingWebhookConfigurations: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

export const namespaces: Resource = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

export const nodes: Resource = {
  group: '',
  version: 'v1',
  resource: 'nodes',
  kind: 'Node',
  namespaced: false,
};

export const podDisruptionBudgets: Resource = {
  group: 'policy',
  version: 'v1',
  resource: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};

export const pods: Resource = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  namespaced: true,
};

export const priorityClasses: Resource = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  resource: 'priorityclasses',
  kind: 'PriorityClass',
  namespaced: false,
};

export const resourceQuotas: Resource = {
  group: '',
  version: 'v1',
  resource: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
};

export const roleBindings: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'rolebindings',
  kind: 'RoleBinding',
  namespaced: true,
};

export const roles: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'roles',
  kind: 'Role',
  namespaced: true,
};

export const secrets: Resource = {
  group: '',
  version: 'v1',
  resource: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

export const serviceAccounts: Resource = {
  group: '',
  version: 'v1',
  resource: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};

export const validatingAdmissionPolicyBindings: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
  namespaced: false,
};

export const validatingAdmissionPolicies: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
  namespaced: false,
};

export const validatingWebhookConfigurations: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
};

export const dimensions: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'dimensions',
  kind: 'Dimension',
  namespaced: false,
};

export const ipAddresses: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'ipaddresses',
  kind: 'IPAddress',
  namespaced: false,
};

export const ipPools: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'ippools',
  kind: 'IPPool',
  namespaced: false,
};

export const ipReservations: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'ipreservations',
  kind: 'IPReservation',
  namespaced: true,
};

export const nodeTopologies: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'nodetopologies',
  kind: 'NodeTopology',
  namespaced: false,
};

export const vmSnapshots: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'vmsnapshots',
  kind: 'VMSnapshot',
  namespaced: true,
};

export const vms: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'vms',
  kind: 'VM',
  namespaced: true,
};

export const volumeSnapshots: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'volumesnapshots',
  kind: 'VolumeSnapshot',
  namespaced: true,
};

export const volumes: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'volumes',
  kind: 'Volume',
  namespaced: true,
};

export const workloads: Resource = {
  group: 'berth.dev',
  version: 'v1',
  resource: 'workloads',
  kind: 'Workload',
  namespaced: true,
};
