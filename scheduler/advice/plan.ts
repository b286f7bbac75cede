/** Where everything of a manifest would land: decided like the real thing, and taken back. Pure but for that. */
import { isDeepStrictEqual } from 'node:util';
import { desiredCount, type NodeView, nodesOf } from '../../api/desired-count.ts';
import type { Node, PlanPlacement, PlanStatus, Pod, Workload } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import { type Cluster, isFinished } from '../controller/cluster.ts';
import type { Engine } from '../engine/engine.ts';
import { podRequest } from '../engine/pod-request.ts';
import type { PlacementRequest, PoolReach } from '../engine/request.ts';
import type { Placed } from '../engine/snapshot.ts';
import { instanceOf } from './template.ts';
import { refusalText } from './words.ts';

/** What a plan looks at besides the snapshot. */
export interface Surroundings {
  readonly engine: Engine;
  readonly cluster: Cluster;
  nodes(): readonly Node[];
  /** The one of that `namespace/name` that is there. */
  workload(key: string): Workload | undefined;
  podsOf(uid: string): readonly Pod[];
  /** The pools that it has, or is to have, addresses of. */
  poolsOf(pod: Pod, workload: Workload | undefined): readonly PoolReach[];
}

/** Instances that one plan decides; more are refused. */
const plannedMax = 10_000;

/** An instance that has to find a node. */
interface Planned {
  readonly row: PlanPlacement;
  readonly pod: Pod;
  readonly workload: Workload | undefined;
}

interface Prepared {
  readonly planned: readonly Planned[];
  /** Uids of instances that make room for their replacements. */
  readonly leaving: readonly string[];
  readonly settled: readonly PlanPlacement[];
}

/** VMs come as instances (`podOfVm`). Throws `RangeError` when there are too many. */
export function planOf(around: Surroundings, objects: readonly (Pod | Workload)[]): PlanStatus {
  const prepared = objects.map((object) =>
    isWorkload(object) ? prepareWorkload(around, object) : prepareOne(around, object),
  );
  const planned = prepared.flatMap((each) => each.planned);
  checked(planned.length);
  const settled = prepared.flatMap((each) => each.settled);
  const decided = decide(
    around,
    planned,
    prepared.flatMap((each) => each.leaving),
  );
  const placements = [...settled, ...decided];
  const count = (outcome: string) => placements.filter((row) => row.outcome === outcome).length;
  const counts = { placed: count('Placed'), staying: count('Stays'), unplaced: count('Unplaced') };
  const removed = count('Removed');
  const message =
    `${counts.placed} would be placed, ${counts.unplaced} would find no node, ` +
    `${counts.staying} stay, ${removed} go`;
  return { message, ...counts, removed, placements };
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
    return { planned: [], leaving: [], settled: [{ ...row, outcome: 'Stays', node: there }] };
  }
  return { planned: [{ row, pod, workload: undefined }], leaving: [], settled: [] };
}

/** The end of its rollout: what is there stays while the template does, and else is replaced. */
function prepareWorkload(around: Surroundings, workload: Workload): Prepared {
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
  const planned = Array.from({ length: wanted - fixed.length }, (_, i): Planned => {
    const from = replaced[i]?.spec.nodeName;
    const instance = waiting[i]?.metadata.name ?? String(fixed.length + i + 1);
    return {
      row: { ...row, instance, ...(hasNode(from) ? { from } : {}) },
      pod: instanceOf(workload, before?.metadata.uid),
      workload,
    };
  });
  return {
    planned,
    leaving: [...surplus, ...replaced].map(({ metadata }) => metadata.uid ?? ''),
    settled: [
      ...fixed.map((pod) => settledRow(row, pod, 'Stays')),
      ...surplus.map((pod) => settledRow(row, pod, 'Removed')),
    ],
  };
}

function decide(
  around: Surroundings,
  planned: readonly Planned[],
  leaving: readonly string[],
): readonly PlanPlacement[] {
  const { engine } = around;
  const { snapshot } = engine;
  const taken: (readonly [uid: string, placed: Placed])[] = [];
  const assumed: string[] = [];
  try {
    for (const uid of leaving) {
      const placed = snapshot.placementOf(uid);
      if (placed !== undefined && snapshot.release(uid)) taken.push([uid, placed]);
    }
    const order = planned
      .toSorted((a, b) => priorityOf(b.pod) - priorityOf(a.pod))
      .map((each, i) => ({ ...each, request: requestOf(each, around, `plan/${i}`) }));
    return runsOf(order).flatMap((run) => {
      const decisions = engine.scheduleBatch(run.map(({ request }) => request));
      return run.map(({ row, request }, i): PlanPlacement => {
        const decision = decisions[i];
        if (decision?.type !== 'placed') {
          const message = decision === undefined ? '' : refusalText(decision.reasons);
          return { ...row, outcome: 'Unplaced', message };
        }
        assumed.push(request.uid);
        const { node, allocation } = decision;
        const devices = Object.keys(allocation).length === 0 ? {} : { devices: allocation };
        return { ...row, outcome: 'Placed', node, ...devices };
      });
    });
  } finally {
    for (const uid of assumed) snapshot.release(uid);
    for (const [, { footprint, node, allocation }] of taken) {
      snapshot.assume(footprint, node, allocation);
    }
  }
}

interface Requested extends Planned {
  readonly request: PlacementRequest;
}

function requestOf({ pod, workload }: Planned, around: Surroundings, uid: string) {
  const { dimensions, volumes } = around.cluster;
  const ties = { ...volumes.tiesOf(pod), pools: around.poolsOf(pod, workload) };
  return { ...podRequest(pod, workload, dimensions, ties), uid };
}

/** Those that a layout puts on nodes together (Each, Fill) are decided together. */
function runsOf(planned: readonly Requested[]): readonly (readonly Requested[])[] {
  const runs: Requested[][] = [];
  for (const each of planned) {
    const run = runs.at(-1);
    const { layout, classKey } = each.request;
    if (layout !== undefined && run?.[0]?.request.classKey === classKey) run.push(each);
    else runs.push([each]);
  }
  return runs;
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

function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0;
}

function rowOf(kind: string, { namespace, name = '' }: Pod['metadata']): PlanPlacement {
  return { kind, ...(namespace === undefined ? {} : { namespace }), name };
}

function settledRow(row: PlanPlacement, { metadata, spec }: Pod, outcome: string): PlanPlacement {
  const { name = '' } = metadata;
  const { nodeName } = spec;
  return { ...row, instance: name, outcome, ...(hasNode(nodeName) ? { node: nodeName } : {}) };
}
