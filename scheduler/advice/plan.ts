/** Where everything of a manifest would land, and what becomes of what is there. Pure but for what `trial.ts` takes back. */
import { isDeepStrictEqual } from 'node:util';
import { desiredCount, type NodeView, nodesOf } from '../../api/desired-count.ts';
import type { Node, PlanPlacement, PlanStatus, Pod, Workload } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import { isFinished } from '../controller/cluster.ts';
import { type Additions, type Stock, Supplies } from './supplies.ts';
import { instanceOf } from './template.ts';
import { type Fate, type Planned, type TrialOptions, tryOut } from './trial.ts';

/** What a plan looks at besides the snapshot. */
export interface Surroundings extends Omit<TrialOptions, 'supplies'> {
  readonly stock: Stock;
  nodes(): readonly Node[];
  /** The one of that `namespace/name` that is there. */
  workload(key: string): Workload | undefined;
  podsOf(uid: string): readonly Pod[];
}

/** Instances that one plan decides; more are refused. */
const plannedMax = 10_000;

interface PlannedRow extends Planned {
  readonly row: PlanPlacement;
}

/** An instance that is there. */
interface Settled {
  readonly row: PlanPlacement;
  readonly uid: string;
}

interface Prepared {
  readonly planned: readonly PlannedRow[];
  /** Uids of instances that make room for their replacements. */
  readonly leaving: readonly string[];
  readonly settled: readonly Settled[];
}

/**
 * VMs come as instances (`podOfVm`). Pauses, in which nobody else may look at the snapshot. Throws `RangeError` when there
 * are too many. Undefined when an answer of somebody else is awaited.
 */
export function* planOf(
  around: Surroundings,
  objects: readonly (Pod | Workload)[],
  additions?: Additions,
): Generator<undefined, PlanStatus | undefined> {
  const prepared: Prepared[] = [];
  for (const object of objects) {
    prepared.push(
      isWorkload(object) ? yield* prepareWorkload(around, object) : prepareOne(around, object),
    );
    yield;
  }
  const planned = prepared.flatMap((each) => each.planned);
  checked(planned.length);
  const settled = prepared.flatMap((each) => each.settled);
  const leaving = prepared.flatMap((each) => each.leaving);
  const supplies = new Supplies(around.stock, additions);
  const fates = yield* tryOut({ ...around, supplies }, planned, leaving);
  yield;
  return fates === undefined ? undefined : statusOf(around, settled, fates);
}

function statusOf(
  { occupants }: Surroundings,
  settled: readonly Settled[],
  fates: readonly (readonly [PlannedRow, Fate])[],
): PlanStatus {
  const evicted = new Set<string>();
  const decided = fates.map(([{ row }, fate]): PlanPlacement => {
    if (fate.type === 'unplaced') return { ...row, outcome: 'Unplaced', message: fate.message };
    const { node, allocation, victims } = fate;
    for (const { uid } of victims) evicted.add(uid);
    const evicts = victims.map(({ uid }) => occupants.keyOf(uid) ?? uid);
    return {
      ...row,
      outcome: 'Placed',
      node,
      ...(Object.keys(allocation).length === 0 ? {} : { devices: allocation }),
      ...(evicts.length === 0 ? {} : { evicts }),
    };
  });
  const before = settled.map(({ row, uid }) =>
    evicted.has(uid) ? { ...row, outcome: 'Evicted' } : row,
  );
  const placements = [...before, ...decided];
  const count = (outcome: string) => placements.filter((row) => row.outcome === outcome).length;
  const counts = { placed: count('Placed'), staying: count('Stays'), unplaced: count('Unplaced') };
  const removed = count('Removed');
  const message =
    `${counts.placed} would be placed, ${counts.unplaced} would find no node, ` +
    `${counts.staying} stay, ${removed} go` +
    (evicted.size === 0 ? '' : `, ${evicted.size} less important are evicted`);
  return { message, ...counts, removed, evicted: evicted.size, placements };
}

function checked(instances: number): number {
  if (instances <= plannedMax) return instances;
  throw new RangeError(`a plan decides at most ${plannedMax} instances, not ${instances}`);
}

/** A Pod or a VM. */
function prepareOne({ engine }: Surroundings, pod: Pod): Prepared {
  const row = rowOf(isVm(pod) ? 'VM' : 'Pod', pod.metadata);
  const { nodeName = '' } = pod.spec;
  const there = nodeName === '' ? engine.snapshot.nodeOf(pod.metadata.uid ?? '') : nodeName;
  if (there !== undefined) {
    const stays = { ...row, outcome: 'Stays', node: there };
    const { uid = '' } = pod.metadata;
    return { planned: [], leaving: [], settled: [{ row: stays, uid }] };
  }
  return { planned: [{ row, pod, workload: undefined }], leaving: [], settled: [] };
}

/** The end of its rollout: what is there stays while the template does, and else is replaced. */
function* prepareWorkload(
  around: Surroundings,
  workload: Workload,
): Generator<undefined, Prepared> {
  const { namespace = '', name = '' } = workload.metadata;
  const row = rowOf('Workload', workload.metadata);
  const before = around.workload(`${namespace}/${name}`);
  const there =
    before === undefined ? [] : around.podsOf(before.metadata.uid ?? '').filter(isAlive);
  const kept = before !== undefined && sameInstances(before, workload) ? there : [];
  const view = { nodes: around.nodes(), occupied: nodesOf(there) };
  const wanted = checked(instancesWanted(workload, view));
  const staying = kept.toSorted(placedFirst).slice(0, wanted);
  const fixed = staying.filter(({ spec }) => hasNode(spec.nodeName));
  const waiting = staying.filter((pod) => !fixed.includes(pod));
  const surplus = kept.filter((pod) => !staying.includes(pod));
  const replaced = there.filter((pod) => !kept.includes(pod));
  const names = namesOf(workload, fixed);
  const planned: PlannedRow[] = [];
  for (let i = 0; i < wanted - fixed.length; i += 1) {
    const from = replaced[i]?.spec.nodeName;
    const instance = names?.[i] ?? waiting[i]?.metadata.name ?? String(fixed.length + i + 1);
    const pod = instanceOf(workload, before?.metadata.uid, names?.[i]);
    planned.push({ row: { ...row, instance, ...(hasNode(from) ? { from } : {}) }, pod, workload });
    yield;
  }
  return {
    planned,
    leaving: [...surplus, ...replaced].map(({ metadata }) => metadata.uid ?? ''),
    settled: [
      ...fixed.map((pod) => settledRow(row, pod, 'Stays')),
      ...surplus.map((pod) => settledRow(row, pod, 'Removed')),
    ],
  };
}

/** Of the instances to come, where they have names of their own: those that nobody has. */
function namesOf(
  { metadata: { name = '' }, spec }: Workload,
  fixed: readonly Pod[],
): readonly string[] | undefined {
  if (spec.identity !== 'Stable') return undefined;
  const taken = new Set(fixed.map(({ metadata }) => metadata.name));
  const all = Array.from({ length: spec.replicas ?? 1 }, (_, ordinal) => `${name}-${ordinal}`);
  return all.filter((each) => !taken.has(each));
}

/** A Cron has none of its own; its next run is not placed now. */
function instancesWanted({ spec }: Workload, view: NodeView): number {
  if (spec.type === 'Cron') return 0;
  return desiredCount(spec, view);
}

function sameInstances(before: Workload, after: Workload): boolean {
  return (
    isDeepStrictEqual(before.spec.template, after.spec.template) &&
    before.spec.runtime === after.spec.runtime
  );
}

function isWorkload(object: Pod | Workload): object is Workload {
  return object.kind === 'Workload';
}

function isAlive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isFinished(pod);
}

function hasNode(name: string | undefined): name is string {
  return name !== undefined && name !== '';
}

function placedFirst(a: Pod, b: Pod): number {
  return Number(hasNode(b.spec.nodeName)) - Number(hasNode(a.spec.nodeName));
}

function rowOf(kind: string, { namespace, name = '' }: Pod['metadata']): PlanPlacement {
  return { kind, ...(namespace === undefined ? {} : { namespace }), name };
}

function settledRow(row: PlanPlacement, { metadata, spec }: Pod, outcome: string): Settled {
  const { name = '', uid = '' } = metadata;
  const { nodeName } = spec;
  const node = hasNode(nodeName) ? { node: nodeName } : {};
  return { row: { ...row, instance: name, outcome, ...node }, uid };
}
