/** The tables of built-in kinds, by `resource.group`. */
import { humanDuration } from '../../../api/duration.ts';
import type { JsonValue } from '../../../api/meta.ts';
import { type JsonRecord, record, records, text } from '../json-record.ts';
import { eventTable } from './events.ts';
import { nodeTable } from './nodes.ts';
import { podTable } from './pods.ts';
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  orNone,
  type TableDefinition,
} from './table-definition.ts';
import { nodeMetricsTable, podMetricsTable } from './usage.ts';

const namespaceTable: TableDefinition = {
  columns: [nameColumn, column('Status', 'The status of the namespace'), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    text(record(object['status'])['phase']),
    ageOf(object, nowMs),
  ],
};

const configMapTable: TableDefinition = {
  columns: [nameColumn, column('Data', 'How many keys it has.'), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    keyCount(object['data']) + keyCount(object['binaryData']),
    ageOf(object, nowMs),
  ],
};

const secretTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Type', 'What the secret is for, which says what keys it must have.'),
    column('Data', 'How many keys it has.'),
    ageColumn,
  ],
  cells: (object, nowMs) => [
    nameOf(object),
    text(object['type']),
    keyCount(object['data']),
    ageOf(object, nowMs),
  ],
};

const serviceAccountTable: TableDefinition = {
  columns: [nameColumn, ageColumn],
  cells: (object, nowMs) => [nameOf(object), ageOf(object, nowMs)],
};

const disruptionBudgetTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Min Available', 'How many must stay ready, as a number or a percentage.'),
    column('Max Unavailable', 'How many may be missing, as a number or a percentage.'),
    { ...column('Allowed Disruptions', 'How many may be evicted right now.'), type: 'integer' },
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { minAvailable, maxUnavailable } = record(object['spec']);
    const shown = (amount: JsonValue | undefined) => (amount === undefined ? 'N/A' : `${amount}`);
    const allowed = record(object['status'])['disruptionsAllowed'] ?? 0;
    return [
      nameOf(object),
      shown(minAvailable),
      shown(maxUnavailable),
      allowed,
      ageOf(object, nowMs),
    ];
  },
};

const revisionTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Controller', 'The object whose state it keeps.'),
    { ...column('Revision', 'Its number; the highest is the newest.'), type: 'integer' },
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const owners = records(record(object['metadata'])['ownerReferences']);
    const owner = owners.find(({ controller }) => controller === true);
    return [nameOf(object), controllerName(owner), object['revision'] ?? 0, ageOf(object, nowMs)];
  },
};

const certificateRequestTable: TableDefinition = {
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', 'Who shall sign.'),
    column('Requestor', 'Who asks.'),
    column('RequestedDuration', 'How long the certificate should be valid.'),
    column('Condition', 'What was decided.'),
  ],
  cells: (object, nowMs) => {
    const spec = record(object['spec']);
    const status = record(object['status']);
    const decided = records(status['conditions']).map(({ type }) => text(type));
    const words = ['Approved', 'Denied', 'Failed'].filter((type) => decided.includes(type));
    if (words.length === 0) words.push('Pending');
    if (text(status['certificate']) !== '') words.push('Issued');
    const seconds = spec['expirationSeconds'];
    return [
      nameOf(object),
      ageOf(object, nowMs),
      orNone(text(spec['signerName'])),
      text(spec['username']),
      typeof seconds === 'number' ? humanDuration(seconds * 1_000) : '<none>',
      words.join(','),
    ];
  },
};

const limitRangeTable: TableDefinition = {
  columns: [nameColumn, column('Created At', 'When it was made.')],
  cells: (object) => [nameOf(object), text(record(object['metadata'])['creationTimestamp'])],
};

const quotaTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Request', 'Used and allowed, of all but limits.'),
    column('Limit', 'Used and allowed, of limits.'),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { hard, used } = record(object['status']);
    const shown = (limits: boolean) =>
      Object.entries(record(hard))
        .filter(([name]) => name.startsWith('limits') === limits)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, most]) => `${name}: ${String(record(used)[name] ?? 0)}/${String(most)}`)
        .join(', ');
    return [nameOf(object), shown(false), shown(true), ageOf(object, nowMs)];
  },
};

const policyTable: TableDefinition = {
  columns: [
    nameColumn,
    { ...column('Validations', 'How many rules it has.'), type: 'integer' },
    column('ParamKind', 'The kind of its parameters.'),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { validations, paramKind } = record(object['spec']);
    const { apiVersion, kind } = record(paramKind);
    const shown = kind === undefined ? '<unset>' : `${text(apiVersion)}/${text(kind)}`;
    return [nameOf(object), records(validations).length, shown, ageOf(object, nowMs)];
  },
};

const policyBindingTable: TableDefinition = {
  columns: [
    nameColumn,
    column('PolicyName', 'The policy.'),
    column('ParamRef', 'Its parameters.'),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { policyName, paramRef } = record(object['spec']);
    const { name, namespace = '*' } = record(paramRef);
    const shown =
      paramRef === undefined
        ? '<unset>'
        : `${text(namespace)}/${name === undefined ? '*' : text(name)}`;
    return [nameOf(object), text(policyName), shown, ageOf(object, nowMs)];
  },
};

const leaseTable: TableDefinition = {
  columns: [nameColumn, column('Holder', 'Who holds the lease now.'), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    text(record(object['spec'])['holderIdentity']),
    ageOf(object, nowMs),
  ],
};

const priorityClassTable: TableDefinition = {
  columns: [
    nameColumn,
    { ...column('Value', 'The priority of its pods.'), type: 'integer' },
    { ...column('Global-Default', 'Whether pods without a class are of it.'), type: 'boolean' },
    ageColumn,
    column('PreemptionPolicy', 'Whether its pods may take the place of others.', 'wide'),
  ],
  cells: (object, nowMs) => [
    nameOf(object),
    object['value'] ?? 0,
    object['globalDefault'] === true,
    ageOf(object, nowMs),
    text(object['preemptionPolicy']),
  ],
};

const bindingTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Role', 'The role that is granted.'),
    ageColumn,
    column('Users', 'The users who have it.', 'wide'),
    column('Groups', 'The groups whose members have it.', 'wide'),
    column('ServiceAccounts', 'The service accounts that have it.', 'wide'),
  ],
  cells: (object, nowMs) => {
    const role = record(object['roleRef']);
    return [
      nameOf(object),
      `${text(role['kind'])}/${text(role['name'])}`,
      ageOf(object, nowMs),
      subjects(object, 'User'),
      subjects(object, 'Group'),
      subjects(object, 'ServiceAccount'),
    ];
  },
};

const webhooksTable: TableDefinition = {
  columns: [
    nameColumn,
    { ...column('Webhooks', 'How many webhooks it has.'), type: 'integer' },
    ageColumn,
  ],
  cells: (object, nowMs) => [
    nameOf(object),
    records(object['webhooks']).length,
    ageOf(object, nowMs),
  ],
};

export const coreTables: Readonly<Record<string, TableDefinition>> = {
  pods: podTable,
  nodes: nodeTable,
  events: eventTable,
  'events.events.k8s.io': eventTable,
  'pods.metrics.k8s.io': podMetricsTable,
  'nodes.metrics.k8s.io': nodeMetricsTable,
  namespaces: namespaceTable,
  limitranges: limitRangeTable,
  resourcequotas: quotaTable,
  configmaps: configMapTable,
  secrets: secretTable,
  serviceaccounts: serviceAccountTable,
  'controllerrevisions.apps': revisionTable,
  'certificatesigningrequests.certificates.k8s.io': certificateRequestTable,
  'leases.coordination.k8s.io': leaseTable,
  'poddisruptionbudgets.policy': disruptionBudgetTable,
  'priorityclasses.scheduling.k8s.io': priorityClassTable,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhooksTable,
  'validatingadmissionpolicies.admissionregistration.k8s.io': policyTable,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': policyBindingTable,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhooksTable,
  'rolebindings.rbac.authorization.k8s.io': bindingTable,
  'clusterrolebindings.rbac.authorization.k8s.io': bindingTable,
};

/** `workload.berth.dev/web`. */
function controllerName(owner: JsonRecord | undefined): string {
  if (owner === undefined) return '<none>';
  const apiVersion = text(owner['apiVersion']);
  const group = apiVersion.includes('/') ? `.${apiVersion.slice(0, apiVersion.indexOf('/'))}` : '';
  return `${text(owner['kind']).toLowerCase()}${group}/${text(owner['name'])}`;
}

function keyCount(value: JsonRecord[string]): number {
  return Object.keys(record(value)).length;
}

function subjects(object: JsonRecord, kind: string): string {
  return records(object['subjects'])
    .filter((subject) => subject['kind'] === kind)
    .map((subject) => {
      const name = text(subject['name']);
      return kind === 'ServiceAccount' ? `${text(subject['namespace'])}/${name}` : name;
    })
    .join(', ');
}
