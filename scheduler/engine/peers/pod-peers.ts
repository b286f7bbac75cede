/** What a Pod says about others, and what others see of it, in the engine's words. Pure. */
import type { Pod } from '../../../api/kinds.gen.ts';
import {
  fromLabelSelectorObject,
  type LabelRequirement,
  type LabelSelectorObject,
} from '../../../api/label-selector.ts';
import type { PeerRules, PeerTerm, PlacementRequest, SpreadRule } from '../request.ts';
import type { Peer, PeerSelector } from './peer-selector.ts';

type Affinity = NonNullable<Pod['spec']['affinity']>;
type Near = NonNullable<Affinity['podAffinity']>;
type Term = NonNullable<Near['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type Weighted = NonNullable<Near['preferredDuringSchedulingIgnoredDuringExecution']>[number];
type Constraint = NonNullable<Pod['spec']['topologySpreadConstraints']>[number];

/** `topologyKey` is the one over which the owner wants its instances laid out. */
export interface OwnerRules {
  readonly uid: string | undefined;
  readonly topologyKey: string | undefined;
}

/** Throws a `StatusError` BadRequest for a selector that the API does not let through. */
export function peersOf(pod: Pod, owner: OwnerRules): Pick<PlacementRequest, 'peer' | 'peerRules'> {
  const { namespace = '', labels = {} } = pod.metadata;
  const peer: Peer = {
    namespace,
    labels,
    ...(owner.uid === undefined ? {} : { owner: owner.uid }),
  };
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const near = (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
    termOf(term, peer),
  );
  // Somebody is near only whom all terms mean.
  const allNear = near.flatMap(({ selectors }) => selectors);
  const rules: PeerRules = {
    near: near.map(({ topologyKey }) => ({ selectors: allNear, topologyKey })),
    away: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      termOf(term, peer),
    ),
    wishes: [
      ...wishesOf(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, peer, 1),
      ...wishesOf(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, peer, -1),
    ],
    spread: [
      ...(pod.spec.topologySpreadConstraints ?? []).map((rule) => spreadOf(rule, peer)),
      ...interleaved(peer, owner),
    ],
  };
  const isSilent = Object.values(rules).every((list) => list.length === 0);
  return { peer, ...(isSilent ? {} : { peerRules: rules }) };
}

function wishesOf(wishes: readonly Weighted[] | undefined, peer: Peer, sign: 1 | -1) {
  return (wishes ?? []).map(({ weight, podAffinityTerm }) => ({
    ...termOf(podAffinityTerm, peer),
    weight: sign * weight,
  }));
}

function termOf(term: Term, peer: Peer): PeerTerm {
  const { labelSelector, namespaces = [], namespaceSelector, topologyKey } = term;
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  const labels = labelsOf(labelSelector, [
    ...fromOwnLabels(term.matchLabelKeys, 'in', peer),
    ...fromOwnLabels(term.mismatchLabelKeys, 'notin', peer),
  ]);
  const selector: PeerSelector = {
    namespaces: isOwn ? [peer.namespace] : [...namespaces].sort(),
    ...(namespaceSelector === undefined
      ? {}
      : { namespaceLabels: fromLabelSelectorObject(namespaceSelector).requirements }),
    ...(labels === undefined ? {} : { labels }),
  };
  return { selectors: [selector], topologyKey };
}

function spreadOf(constraint: Constraint, peer: Peer): SpreadRule {
  const { labelSelector, matchLabelKeys, topologyKey, maxSkew, minDomains } = constraint;
  const labels = labelsOf(labelSelector, fromOwnLabels(matchLabelKeys, 'in', peer));
  const selector = { namespaces: [peer.namespace], ...(labels === undefined ? {} : { labels }) };
  return {
    selectors: [selector],
    topologyKey,
    required: constraint.whenUnsatisfiable === 'DoNotSchedule',
    maxSkew,
    minDomains: minDomains ?? 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

/** The owner's instances go to the place that has the fewest of them. */
function interleaved({ namespace }: Peer, { uid, topologyKey }: OwnerRules): readonly SpreadRule[] {
  if (uid === undefined || topologyKey === undefined) return [];
  return [
    {
      selectors: [{ namespaces: [namespace], labels: [], owner: uid }],
      topologyKey,
      required: false,
      maxSkew: 1,
      minDomains: 1,
      honorsAffinity: true,
      honorsTaints: false,
    },
  ];
}

/** Undefined, without a selector: no pod is meant. */
function labelsOf(
  selector: LabelSelectorObject | undefined,
  more: readonly LabelRequirement[],
): readonly LabelRequirement[] | undefined {
  if (selector === undefined) return undefined;
  return [...fromLabelSelectorObject(selector).requirements, ...more];
}

/** Keys that the pod has no label for are passed over. */
function fromOwnLabels(
  keys: readonly string[] = [],
  operator: 'in' | 'notin',
  { labels }: Peer,
): readonly LabelRequirement[] {
  return keys.flatMap((key): LabelRequirement[] => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}
