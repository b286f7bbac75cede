/** Keeps what preemption has to know of everything that has a node: how important it is, and who protects it. */
import type { Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import { fromLabelSelectorObject, type LabelSelector, nothing } from '../../api/label-selector.ts';
import { StatusError } from '../../api/status.ts';
import { isVm } from '../../api/vm-instance.ts';
import { instanceKey } from '../../client/instance.ts';
import { LargeMap } from '../../lib/large-map.ts';
import type { Occupant, OccupantChanges } from '../preemption/occupant.ts';
import { isBound, isFinished } from './cluster.ts';
import { OccupantLog } from './occupant-log.ts';

/**
 * Whether it may be removed to make room: pods may, unless it says `false`; a machine has disks that go with it, and
 * may only with `true`.
 */
const preemptibleAnnotation = 'berth.dev/preemptible';

interface Known extends Occupant {
  state: Occupant['state'];
  /** What it is when nobody has it removed. */
  readonly ownState: Occupant['state'];
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Budget {
  readonly name: string;
  readonly selector: LabelSelector;
  /** Pods whose eviction it has granted already: they do not count against it again. */
  readonly granted: ReadonlySet<string>;
  allowed: number;
}

export class Occupants {
  readonly #known = new LargeMap<Known>();
  /** How many have each priority. */
  readonly #priorities = new Map<number, number>();
  /** Those that are being removed for somebody, though the API does not show it yet. */
  readonly #condemned = new Set<string>();
  readonly #budgets = new Map<string, Map<string, Budget>>();
  readonly #log = new OccupantLog();

  /** How an index over them is brought up to date. */
  get changes(): OccupantChanges {
    return this.#log;
  }

  /** Takes an instance as it is now. */
  apply(pod: Pod): void {
    const { uid = '' } = pod.metadata;
    if (!isBound(pod) || isFinished(pod)) this.delete(uid);
    else this.#replace(uid, knownOf(pod));
  }

  delete(uid: string): void {
    this.#condemned.delete(uid);
    this.#replace(uid, undefined);
  }

  applyBudget(budget: PodDisruptionBudget): void {
    const { namespace = '', name = '' } = budget.metadata;
    const ofNamespace = this.#budgets.get(namespace) ?? new Map<string, Budget>();
    this.#budgets.set(namespace, ofNamespace);
    this.#log.noteBudgets();
    ofNamespace.set(name, {
      name: `${namespace}/${name}`,
      selector: selectorOf(budget),
      granted: new Set(Object.keys(budget.status?.disruptedPods ?? {})),
      allowed: budget.status?.disruptionsAllowed ?? 0,
    });
  }

  deleteBudget({ metadata: { namespace = '', name = '' } }: PodDisruptionBudget): void {
    this.#log.noteBudgets();
    const ofNamespace = this.#budgets.get(namespace);
    ofNamespace?.delete(name);
    if (ofNamespace?.size === 0) this.#budgets.delete(namespace);
  }

  /** Whether anybody at all is less important. */
  anyBelow(priority: number): boolean {
    for (const known of this.#priorities.keys()) if (known < priority) return true;
    return false;
  }

  keyOf(uid: string): string | undefined {
    return this.#known.get(uid)?.key;
  }

  of(uid: string): Occupant | undefined {
    return this.#known.get(uid);
  }

  /** Names of the budgets that count it. */
  budgetsOf({ uid }: Occupant): readonly string[] {
    const known = this.#known.get(uid);
    return known === undefined ? [] : this.#budgetsOf(known).map(({ name }) => name);
  }

  /** By budget, how many more it lets go. */
  allowed(): ReadonlyMap<string, number> {
    const allowed = new Map<string, number>();
    for (const ofNamespace of this.#budgets.values())
      for (const budget of ofNamespace.values()) allowed.set(budget.name, budget.allowed);
    return allowed;
  }

  /** It will be removed: from now on it counts as gone. */
  condemn(uid: string): void {
    const known = this.#known.get(uid);
    if (known === undefined || this.#condemned.has(uid)) return;
    this.#condemned.add(uid);
    this.#log.note(uid);
    known.state = 'leaving';
    // Until the budget's controller has counted it itself.
    for (const budget of this.#budgetsOf(known)) {
      budget.allowed -= 1;
      this.#log.noteBudgets();
    }
  }

  /** It was not removed after all. */
  pardon(uid: string): void {
    this.#condemned.delete(uid);
    this.#log.note(uid);
    const known = this.#known.get(uid);
    if (known !== undefined) known.state = known.ownState;
  }

  #replace(uid: string, known: Known | undefined): void {
    const before = this.#known.get(uid);
    if (before !== undefined) this.#count(before.priority, -1);
    if (known === undefined) this.#known.delete(uid);
    else {
      if (this.#condemned.has(uid)) known.state = 'leaving';
      this.#known.set(uid, known);
      this.#count(known.priority, 1);
    }
    if (!isSame(before, known)) this.#log.note(uid);
  }

  #count(priority: number, by: number): void {
    const count = (this.#priorities.get(priority) ?? 0) + by;
    if (count > 0) this.#priorities.set(priority, count);
    else this.#priorities.delete(priority);
  }

  #budgetsOf({ namespace, name, labels }: Known): Budget[] {
    const found: Budget[] = [];
    for (const budget of this.#budgets.get(namespace)?.values() ?? [])
      if (!budget.granted.has(name) && budget.selector.matches(labels)) found.push(budget);
    return found;
  }
}

/** Whether preemption sees a difference. */
function isSame(a: Known | undefined, b: Known | undefined): boolean {
  return (
    a?.state === b?.state &&
    a?.priority === b?.priority &&
    a?.startedMs === b?.startedMs &&
    JSON.stringify(a?.labels) === JSON.stringify(b?.labels)
  );
}

function knownOf(pod: Pod): Known {
  const { namespace = '', name = '', labels = {}, annotations, deletionTimestamp } = pod.metadata;
  const told = annotations?.[preemptibleAnnotation];
  const mayGo = isVm(pod) ? told === 'true' : told !== 'false';
  const started = pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '';
  const state = deletionTimestamp !== undefined ? 'leaving' : mayGo ? 'removable' : 'stays';
  return {
    uid: pod.metadata.uid ?? '',
    state,
    ownState: state,
    key: instanceKey(pod),
    namespace,
    name,
    labels,
    priority: pod.spec.priority ?? 0,
    startedMs: Date.parse(started) || 0,
  };
}

function selectorOf({ spec }: PodDisruptionBudget): LabelSelector {
  try {
    return fromLabelSelectorObject(spec.selector);
  } catch (error) {
    // Malformed: chooses nothing, as for the server.
    if (error instanceof StatusError) return nothing;
    throw error;
  }
}
