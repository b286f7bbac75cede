/** Which other instances a rule speaks about, as plain data. */
import { holds, type LabelRequirement } from '../../../api/label-selector.ts';

/** An instance, as far as the rules of others look at it. */
export interface Peer {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Uid of the object that controls it. */
  readonly owner?: string;
}

export interface PeerSelector {
  /** Names of namespaces in which to look. */
  readonly namespaces: readonly string[];
  /** Further namespaces, by their labels; without requirements: all of them. */
  readonly namespaceLabels?: readonly LabelRequirement[];
  /** All must hold; absent: no instance is meant. */
  readonly labels?: readonly LabelRequirement[];
  /** Only instances of this owner. */
  readonly owner?: string;
}

export type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

const none: Readonly<Record<string, string>> = {};

/** Whether all of the selectors mean the instance. */
export function selects(
  selectors: readonly PeerSelector[],
  peer: Peer,
  namespaces: NamespaceLabels,
): boolean {
  return selectors.every((selector) => selectsOne(selector, peer, namespaces));
}

function selectsOne(selector: PeerSelector, peer: Peer, known: NamespaceLabels): boolean {
  const { namespaces, namespaceLabels, labels, owner } = selector;
  if (labels === undefined || (owner !== undefined && owner !== peer.owner)) return false;
  if (!namespaces.includes(peer.namespace)) {
    if (namespaceLabels === undefined) return false;
    const ofNamespace = known.get(peer.namespace) ?? none;
    if (!namespaceLabels.every((requirement) => holds(requirement, ofNamespace))) return false;
  }
  return labels.every((requirement) => holds(requirement, peer.labels));
}
