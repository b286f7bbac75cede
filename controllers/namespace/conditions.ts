/** The conditions of a namespace that is being deleted, in upstream's words. Source: kubernetes pkg/controller/namespace/deletion/status_condition_utils.go. */

import type { Resource } from '../../api/meta.ts';
import type { StatusCondition } from '../kit/controller.ts';

/** What is left of one kind. */
export interface Remaining {
  readonly resource: Resource;
  readonly count: number;
  /** How many of them carry each finalizer. */
  readonly finalizers: Readonly<Record<string, number>>;
}

export interface DeletionState {
  readonly discovery: string | undefined;
  readonly failures: readonly string[];
  readonly remaining: readonly Remaining[];
}

export function deletionConditions(state: DeletionState): readonly StatusCondition[] {
  const { discovery, failures, remaining } = state;
  return [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      discovery && ['DiscoveryFailed', `Discovery failed for some groups: ${discovery}`],
      ['ResourcesDiscovered', 'All resources successfully discovered'],
    ),
    condition(
      'NamespaceDeletionContentFailure',
      failures.length > 0 && [
        'ContentDeletionFailed',
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
      ],
      ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    ),
    condition(
      'NamespaceContentRemaining',
      remaining.length > 0 && ['SomeResourcesRemain', contentMessage(remaining)],
      ['ContentRemoved', 'All content successfully removed'],
    ),
    condition('NamespaceFinalizersRemaining', finalizersMessage(remaining), [
      'ContentHasNoFinalizers',
      'All content-preserving finalizers finished',
    ]),
  ];
}

type Words = readonly [reason: string, message: string];

function condition(
  type: string,
  bad: Words | '' | false | undefined,
  good: Words,
): StatusCondition {
  const [reason, message] = bad || good;
  return { type, status: bad ? 'True' : 'False', reason, message };
}

function contentMessage(remaining: readonly Remaining[]): string {
  const parts = remaining
    .map(({ resource, count }) => `${qualifiedName(resource)} has ${count} resource instances`)
    .sort();
  return `Some resources are remaining: ${parts.join(', ')}`;
}

function finalizersMessage(remaining: readonly Remaining[]): Words | undefined {
  const totals = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of Object.entries(finalizers)) {
      totals.set(name, (totals.get(name) ?? 0) + count);
    }
  }
  if (totals.size === 0) return undefined;
  const parts = [...totals].map(([name, count]) => `${name} in ${count} resource instances`).sort();
  const message = `Some content in the namespace has finalizers remaining: ${parts.join(', ')}`;
  return ['SomeFinalizersRemain', message];
}

/** `pods.`, `widgets.example.com`: upstream always writes the dot. */
function qualifiedName({ group, resource }: Resource): string {
  return `${resource}.${group}`;
}
