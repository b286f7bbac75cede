/**
 * What a pod spec and a node say about each other: selectors, affinity, taints, runtimes. Pure.
 * Source: Kubernetes documentation, "Assigning Pods to Nodes" and "Taints and Tolerations".
 */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from './kinds.gen.ts';
import { holds, type LabelOperator, type LabelRequirement } from './label-selector.ts';

/** Conditions on a node, all of which must hold. */
export interface NodeTerm {
  readonly labels: readonly LabelRequirement[];
  /** On `metadata.name`, the only field that can be asked about. */
  readonly fields: readonly LabelRequirement[];
}

export interface NodeNames {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function nodeTermOf({
  matchExpressions = [],
  matchFields = [],
}: NodeSelectorTerm): NodeTerm {
  return { labels: matchExpressions.map(requirementOf), fields: matchFields.map(requirementOf) };
}

function requirementOf({ key, operator, values = [] }: NodeSelectorRequirement): LabelRequirement {
  return { key, operator: operators[operator], values };
}

const operators: Readonly<Record<NodeSelectorRequirement['operator'], LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

/** The conditions that the node does not meet. A term without any holds nowhere, which this does not tell. */
export function unmetOf(
  { labels, fields }: NodeTerm,
  node: NodeNames,
): readonly LabelRequirement[] {
  const unmet = labels.filter((requirement) => !holds(requirement, node.labels));
  if (fields.length === 0) return unmet;
  const known = { 'metadata.name': node.name };
  return [...unmet, ...fields.filter((requirement) => !holds(requirement, known))];
}

export interface TolerationWords {
  /** Absent or empty with operator Exists: every taint. */
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  /** Absent or empty: every effect. */
  readonly effect?: string;
}

export interface TaintWords {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

/** Whether the toleration covers the taint. */
export function tolerates(toleration: TolerationWords, taint: TaintWords): boolean {
  const { key = '', operator, value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return key !== '' && value === (taint.value ?? '');
}

/** Comma-separated names of the runtimes a node has; an annotation, or a label where there is only one. */
const runtimesAnnotation = 'berth.dev/runtimes';

/** Where pods run that name none. */
export const defaultRuntime = 'docker';

/** In order; a node that says nothing has Docker. */
export function runtimesOf({ metadata }: Node): readonly string[] {
  const list = metadata.annotations?.[runtimesAnnotation] ?? metadata.labels?.[runtimesAnnotation];
  if (list === undefined) return [defaultRuntime];
  return list
    .split(',')
    .flatMap((name) => name.trim() || [])
    .sort();
}

type Demands = Pick<PodSpec, 'nodeSelector' | 'affinity' | 'tolerations'>;

/** Whether the spec's node selector and required affinity mean the node. */
export function selectsNode({ nodeSelector = {}, affinity }: Demands, { metadata }: Node): boolean {
  const node = { name: metadata.name ?? '', labels: metadata.labels ?? {} };
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    Object.entries(nodeSelector).every(([label, value]) => node.labels[label] === value) &&
    (terms === undefined || terms.map(nodeTermOf).some((term) => holdsOn(term, node)))
  );
}

function holdsOn(term: NodeTerm, node: NodeNames): boolean {
  return term.labels.length + term.fields.length > 0 && unmetOf(term, node).length === 0;
}

/** Whether the node takes new instances of the spec: it is not cordoned, and its taints are tolerated. */
export function takesNew({ tolerations = [] }: Demands, { spec }: Node): boolean {
  const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  const taints = [...(spec?.taints ?? []), ...(spec?.unschedulable === true ? [cordoned] : [])];
  return taints.every(
    (taint) =>
      taint.effect === 'PreferNoSchedule' || tolerations.some((each) => tolerates(each, taint)),
  );
}
