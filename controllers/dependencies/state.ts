/** Whether a dependency is as it must be. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { WorkloadSpec } from '../../api/kinds.gen.ts';
import type { Condition, KubeObject } from '../../api/meta.ts';

export type Dependency = NonNullable<WorkloadSpec['dependsOn']>[number];

interface Stateful extends KubeObject {
  readonly spec?: { readonly type?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly Condition[] };
}

export function kindOf({ kind = 'Workload' }: Dependency): string {
  return kind;
}

/** `ConfigMap/settings`; a workload is named without its kind. */
export function labelOf(dependency: Dependency): string {
  const kind = kindOf(dependency);
  return kind === 'Workload' ? dependency.name : `${kind}/${dependency.name}`;
}

/** What is missing, in words; `undefined` when nothing is. */
export function whatIsMissing(
  dependency: Dependency,
  object: KubeObject | undefined,
): string | undefined {
  const label = labelOf(dependency);
  if (object === undefined) return `${label} does not exist`;
  if (object.metadata.deletionTimestamp !== undefined) return `${label} is being deleted`;
  const state = object as Stateful; // Absent fields are checked for.
  const condition = dependency.condition ?? defaultCondition(dependency, state);
  if (condition === 'Exists') return undefined;
  return condition === 'Ready' ? notReady(label, state) : notCompleted(label, state);
}

function defaultCondition(dependency: Dependency, { spec }: Stateful): Dependency['condition'] {
  const kind = kindOf(dependency);
  const plain = kind === 'ConfigMap' || kind === 'Secret';
  const cron = kind === 'Workload' && spec?.type === 'Cron';
  return plain || cron ? 'Exists' : 'Ready';
}

/** Of a Job that has begun or is complete, `Ready` is said by its runs. */
function notReady(label: string, object: Stateful): string | undefined {
  if (['Ready', 'Available', 'Complete'].some((type) => isTrue(object, type))) return undefined;
  if (object.spec?.type === 'Job' && hasReadyPods(object)) return undefined;
  return `${label} is not ready${why(object, ['Failed', 'Stalled', 'Ready', 'Available'])}`;
}

function hasReadyPods({ status }: Stateful): boolean {
  const { ready = 0 } = (status ?? {}) as { readonly ready?: number }; // A Job's status.
  return ready > 0;
}

function notCompleted(label: string, object: Stateful): string | undefined {
  if (['Complete', 'Completed'].some((type) => isTrue(object, type))) return undefined;
  if (object.status?.phase === 'Succeeded') return undefined;
  const { type } = object.spec ?? {};
  if (object.kind === 'Workload' && type !== 'Job') {
    return `${label} is of type ${type ?? 'Service'} and never completes: depend on it being Ready`;
  }
  if (object.status?.phase === 'Failed') return `${label} has failed`;
  return `${label} has not completed${why(object, ['Failed', 'Stalled', 'Suspended'])}`;
}

/** The condition that says most. */
function why({ status }: Stateful, types: readonly string[]): string {
  for (const type of types) {
    const found = findCondition(status?.conditions, type);
    const bad = type === 'Ready' || type === 'Available' ? 'False' : 'True';
    if (found?.status === bad && found.message) return ` (${type}=${bad}: ${found.message})`;
  }
  return '';
}

/** A condition that speaks of an older spec does not count. */
function isTrue({ metadata, status }: Stateful, type: string): boolean {
  const found = findCondition(status?.conditions, type);
  if (found?.status !== 'True') return false;
  return (found.observedGeneration ?? Number.POSITIVE_INFINITY) >= (metadata.generation ?? 0);
}
