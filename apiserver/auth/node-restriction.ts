/**
 * What an agent may write into objects that the node authorizer lets it write. Pure.
 * Source: Kubernetes plugin/pkg/admission/noderestriction.
 */
import { asArray, asObject, at, equal } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { forbidden, type StatusError } from '../../api/status.ts';
import { dataFinalizer } from '../../api/volume.ts';
import { metadataOf, metaString } from '../storage/cached.ts';
import { nodeNameOf } from './node.ts';

export interface NodeWrite {
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly group: string;
  readonly plural: string;
  readonly object: JsonObject;
  /** Absent on create. */
  readonly old: JsonObject | undefined;
}

/** Labels of Kubernetes' own domains that a node may give itself. */
const ownLabels = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const ownLabelDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/** Throws 403 for what a node must not write; everybody else passes. */
export function restrictNode(write: NodeWrite): void {
  const node = nodeNameOf(write.user);
  if (node === undefined) return;
  const kind = write.group === '' ? write.plural : `${write.plural}.${write.group}`;
  if (kind === 'nodes') restrictOwnNode(node, write);
  if (kind === 'nodetopologies.berth.dev') restrictTopology(node, write);
  if (kind === 'pods' || kind === 'vms.berth.dev') restrictPod(node, write);
  if (kind === 'volumes.berth.dev' || kind === 'volumesnapshots.berth.dev')
    restrictVolume(node, write);
  if (kind !== 'leases.coordination.k8s.io') return;
  if (nameOf(write) !== node || metaString(write.object, 'namespace') !== 'kube-node-lease')
    throw refused(write, 'can only access its own lease, in kube-node-lease');
}

function restrictOwnNode(node: string, write: NodeWrite): void {
  const { object, old } = write;
  if (nameOf(write) !== node)
    throw refused(write, `is not allowed to modify node "${nameOf(write)}"`);
  if (changed(object, old, 'metadata', 'ownerReferences'))
    throw refused(write, 'is not allowed to set owner references');
  if (old !== undefined && changed(object, old, 'spec', 'taints'))
    throw refused(write, 'is not allowed to modify taints');
  const wrong = changedLabels(object, old).filter((label) => !mayLabel(label));
  if (wrong.length > 0)
    throw refused(write, `is not allowed to modify labels: ${wrong.sort().join(', ')}`);
}

/** It tells what it has found; what it is asked to measure is for others to say. */
function restrictTopology(node: string, write: NodeWrite): void {
  const { object, old } = write;
  if (nameOf(write) !== node) throw refused(write, 'can only write its own nodetopology');
  if (changed(object, old, 'spec')) throw refused(write, 'is not allowed to modify spec');
  if (old !== undefined && changed(object, old, 'metadata', 'ownerReferences'))
    throw refused(write, 'is not allowed to modify metadata.ownerReferences');
}

/** An agent writes statuses; what a pod is called and belongs to is not its to say. */
function restrictPod(node: string, write: NodeWrite): void {
  const { object, old } = write;
  if (at(object, 'spec', 'nodeName') !== node)
    throw refused(write, `can only write ${write.plural} that are bound to it`);
  for (const field of ['labels', 'ownerReferences'])
    if (old !== undefined && changed(object, old, 'metadata', field))
      throw refused(write, `is not allowed to modify metadata.${field} of ${write.plural}`);
}

/** Besides its status: that it has wiped the data of a deleted one, or let go of them. */
function restrictVolume(node: string, write: NodeWrite): void {
  restrictPod(node, write);
  const { object, old } = write;
  for (const path of [['spec'], ['metadata', 'annotations']])
    if (changed(object, old, ...path))
      throw refused(write, `is not allowed to modify ${path.join('.')} of ${write.plural}`);
  const names = (from: JsonObject | undefined) => asArray(at(from, 'metadata', 'finalizers'));
  const [before, after] = [names(old), names(object)];
  const others = before.filter((name) => name !== dataFinalizer);
  if (!equal(after, before) && !equal(after, others))
    throw refused(write, `may only take the finalizer ${dataFinalizer} off ${write.plural}`);
}

function changedLabels(object: JsonObject, old: JsonObject | undefined): string[] {
  const after = asObject(metadataOf(object)['labels']) ?? {};
  const before = asObject(old === undefined ? undefined : metadataOf(old)['labels']) ?? {};
  return [...new Set([...Object.keys(after), ...Object.keys(before)])].filter(
    (label) => after[label] !== before[label],
  );
}

function mayLabel(label: string): boolean {
  const [domain = '', name] = label.split('/');
  if (name === undefined || ownLabels.has(label)) return true;
  if (ownLabelDomains.some((own) => domain === own || domain.endsWith(`.${own}`))) return true;
  return !['kubernetes.io', 'k8s.io'].some(
    (reserved) => domain === reserved || domain.endsWith(`.${reserved}`),
  );
}

function changed(object: JsonObject, old: JsonObject | undefined, ...path: string[]): boolean {
  const value = (from: JsonObject | undefined) => at(from, ...path) ?? null;
  return !equal(value(object), value(old));
}

function nameOf({ object }: NodeWrite): string {
  return metaString(object, 'name');
}

function refused(write: NodeWrite, why: string): StatusError {
  const place = { group: write.group, resource: write.plural };
  return forbidden(place, nameOf(write), `node "${nodeNameOf(write.user)}" ${why}`);
}
