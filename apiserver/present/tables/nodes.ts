/** The table of nodes. Source: Kubernetes v1.32, `pkg/printers/internalversion`. */
import { type JsonRecord, record, records, text } from '../json-record.ts';
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  orNone,
  type TableDefinition,
} from './table-definition.ts';

export const nodeTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Status', 'Whether the node is ready, and whether it takes new pods.'),
    column('Roles', 'The roles that its labels give it.'),
    ageColumn,
    column('Version', 'The version of the agent.'),
    column('Internal-IP', 'Its address inside the cluster.', 'wide'),
    column('External-IP', 'Its address outside the cluster.', 'wide'),
    column('OS-Image', 'The operating system.', 'wide'),
    column('Kernel-Version', 'The version of the kernel.', 'wide'),
    column('Container-Runtime', 'The container runtime and its version.', 'wide'),
  ],
  cells(node, nowMs) {
    const info = record(record(node['status'])['nodeInfo']);
    return [
      nameOf(node),
      statusOf(node),
      orNone(rolesOf(node)),
      ageOf(node, nowMs),
      text(info['kubeletVersion']),
      orNone(addressOf(node, 'InternalIP')),
      orNone(addressOf(node, 'ExternalIP')),
      text(info['osImage']) || '<unknown>',
      text(info['kernelVersion']) || '<unknown>',
      text(info['containerRuntimeVersion']) || '<unknown>',
    ];
  },
};

function statusOf(node: JsonRecord): string {
  const ready = records(record(node['status'])['conditions']).findLast(
    (c) => c['type'] === 'Ready',
  );
  const words = [readiness(ready)];
  if (record(node['spec'])['unschedulable'] === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function readiness(ready: JsonRecord | undefined): string {
  if (ready === undefined) return 'Unknown';
  return ready['status'] === 'True' ? 'Ready' : 'NotReady';
}

const rolePrefix = 'node-role.kubernetes.io/';

function rolesOf(node: JsonRecord): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(record(record(node['metadata'])['labels']))) {
    if (key.startsWith(rolePrefix)) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role') roles.add(text(value));
  }
  roles.delete('');
  return [...roles].sort().join(',');
}

function addressOf(node: JsonRecord, type: string): string {
  const addresses = records(record(node['status'])['addresses']);
  return text(addresses.find((address) => address['type'] === type)?.['address']);
}
