/** Why of one pod or VM, and of a workload's instances together. Over a view, which is as before afterwards. */
import type { Pod, Why, WhyInstance, WhyWait, Workload } from '../../api/kinds.gen.ts';
import { Heap } from '../../lib/heap.ts';
import { isFinished } from '../controller/cluster.ts';
import { type Gang, gangOf } from '../controller/gangs.ts';
import { schedulerNames } from '../controller/scheduler-names.ts';
import { controllerOf, podRequest } from '../engine/pod-request.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { View } from './view.ts';
import { type Answer, waitsOf, whyBound, whyGang, whyPending } from './why.ts';

/** Instances of a workload that are told of. */
const instancesMax = 50;

/** By gang, what keeps it from being whole; undefined: nothing. All its members have that in common. */
type GangAnswers = Map<string, Answer | undefined>;

/** What decides about an instance: words that need no look at the nodes, or what is asked of them. */
type Case =
  | { readonly type: 'told'; readonly answer: Answer }
  | {
      readonly type: 'asks';
      readonly request: PlacementRequest;
      readonly nodeName: string;
      /** Undefined for one that is in none, or has a node. */
      readonly gang: Gang | undefined;
    };

/** With pauses, as all that follow. */
export function* whyInstance(
  view: View,
  pod: Pod,
  gangs: GangAnswers = new Map(),
): Generator<undefined, Answer> {
  const waitsFor = waitsOf(pod);
  const waits = waitsFor.length === 0 ? {} : { waitsFor };
  const about = caseOf(view, pod);
  if (about.type === 'told') return { ...about.answer, ...waits };
  const { request, nodeName, gang } = about;
  if (nodeName === '') {
    const held = gang && (yield* answerOfGang(view, gang, gangs));
    if (held !== undefined) return { ...held, strategy: request.strategy, ...waits };
    return pendingOf(yield* whyPending(view.engine, request), pod, waitsFor);
  }
  const answer = yield* whyBound(view.engine, request, nodeName);
  if (!isStopped(pod)) return { ...answer, message: withWaits(answer, waitsFor), ...waits };
  const message = `stopped on purpose; it keeps its place ${answer.message ?? ''}`;
  return { ...answer, state: 'Stopped', message, ...waits };
}

/** The state of that answer; `placeable`: what is known of each class so far. */
function* stateOf(
  view: View,
  pod: Pod,
  gangs: GangAnswers,
  placeable: Map<string, boolean>,
): Generator<undefined, string> {
  const about = caseOf(view, pod);
  if (about.type === 'told') return about.answer.state ?? '';
  const { request, nodeName, gang } = about;
  if (nodeName !== '') return isStopped(pod) ? 'Stopped' : 'Bound';
  const held = gang && (yield* answerOfGang(view, gang, gangs));
  if (held !== undefined) return held.state ?? '';
  const { classKey } = request;
  let isPlaceable = placeable.get(classKey);
  if (isPlaceable === undefined) {
    const asked = { ...request, uid: 'why/0' };
    isPlaceable = (yield* view.engine.scheduleInParts(asked)).type === 'placed';
    placeable.set(classKey, isPlaceable);
  }
  return isPlaceable ? 'Placeable' : 'Pending';
}

function caseOf(view: View, pod: Pod): Case {
  const { nodeName = '' } = pod.spec;
  const on = nodeName === '' ? {} : { node: nodeName };
  const told = (state: string, message: string): Case => {
    return { type: 'told', answer: { state, message, ...on } };
  };
  if (isFinished(pod)) return told('Finished', `has ended: ${pod.status?.phase ?? ''}`);
  if (pod.metadata.deletionTimestamp !== undefined) return told('Deleting', 'is being deleted');
  const { schedulerName = '' } = pod.spec;
  if (!schedulerNames.has(schedulerName)) {
    return told('Foreign', `is left to the scheduler "${schedulerName}"`);
  }
  const gates = (pod.spec.schedulingGates ?? []).map(({ name }) => name);
  if (nodeName === '' && gates.length > 0) {
    return told('Pending', `is held back by scheduling gates: ${gates.join(', ')}`);
  }
  const workload = workloadOf(view, pod);
  const request = requestOf(view, pod, workload);
  if (typeof request === 'string') return told('Pending', request);
  const gang = nodeName === '' ? gangOf(pod, workload) : undefined;
  return { type: 'asks', request, nodeName, gang };
}

function isStopped({ metadata }: Pod): boolean {
  return metadata.annotations?.['berth.dev/running'] === 'false';
}

function workloadOf(view: View, pod: Pod): Workload | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'Workload') return undefined;
  return view.workload(`${pod.metadata.namespace ?? ''}/${owner.name}`);
}

/** What it asks of nodes, or what it waits for before it asks any. */
function requestOf(
  view: View,
  pod: Pod,
  workload: Workload | undefined,
): PlacementRequest | string {
  const waits = (pod.spec.nodeName ?? '') === '';
  const reach = view.addresses.reachOf(pod);
  if (waits && reach.type === 'waiting') return `waits for its address: ${reach.why}`;
  const pools = reach.type === 'ready' ? reach.pools : [];
  const claims = view.cluster.volumes.claimsOf(pod);
  if (waits && claims?.type === 'wait') return claims.message;
  const ties = { pools, ...(claims?.type === 'claims' && { claims }) };
  return podRequest(pod, workload, view.cluster.dimensions, ties);
}

function* answerOfGang(
  view: View,
  gang: Gang,
  known: GangAnswers,
): Generator<undefined, Answer | undefined> {
  const { key, minMember } = gang;
  if (minMember === undefined) return undefined; // What the scheduler said of it is told.
  if (known.has(key)) return known.get(key);
  const members = view.waitingOf(gang);
  const requests: PlacementRequest[] = [];
  for (const member of members) {
    const request = requestOf(view, member, workloadOf(view, member));
    if (typeof request !== 'string') requests.push(request);
    yield;
  }
  const there = view.gangs.placed(gang);
  const count = { ...gang, minMember, there, waiting: members.length };
  const answer = yield* whyGang(view.engine, requests, count);
  known.set(key, answer);
  return answer;
}

/** Where a node would do, what the scheduler last said still holds it up: a gang, room that is being made. */
function pendingOf(answer: Answer, { status }: Pod, waits: readonly WhyWait[]): Answer {
  const told = status?.conditions?.find(({ type, status: met }) => {
    return type === 'PodScheduled' && met === 'False' && answer.state === 'Placeable';
  });
  const { nominatedNodeName = '' } = status ?? {};
  const held: WhyWait[] = [
    ...(told?.message === undefined
      ? []
      : [{ reason: told.reason ?? 'Unschedulable', message: told.message }]),
    ...(nominatedNodeName === ''
      ? []
      : [{ reason: 'Preemption', message: `room is being made on ${nominatedNodeName}` }]),
  ];
  const all = [...held, ...waits];
  return all.length === 0 ? answer : { ...answer, waitsFor: all };
}

export function* whyWorkload(view: View, workload: Workload): Generator<undefined, Answer> {
  const gangs: GangAnswers = new Map();
  const placeable = new Map<string, boolean>();
  const counts = new Map<string, number>();
  const all = new Heap(mostInTheWay);
  for (const pod of view.podsOf(workload.metadata.uid ?? '')) {
    const state = yield* stateOf(view, pod, gangs, placeable);
    all.push({ pod, state });
    counts.set(state, (counts.get(state) ?? 0) + 1);
    yield;
  }
  const told: { readonly name: string; readonly answer: Answer }[] = [];
  while (told.length < instancesMax) {
    const next = all.pop();
    if (next === undefined) break;
    const { name = '' } = next.pod.metadata;
    told.push({ name, answer: yield* whyInstance(view, next.pod, gangs) });
  }
  const waitsFor = conditionsOf(workload);
  const waits = waitsFor.length === 0 ? {} : { waitsFor };
  const instances = told.map(instanceOf);
  const [first] = told;
  if (first === undefined) {
    const message = waitsFor[0]?.message ?? 'has no instances';
    return { state: 'Pending', message, instances, ...waits };
  }
  const { state, classes, nodes, strategy, message = '' } = first.answer;
  const sums = [...counts]
    .sort(([a], [b]) => rankOf(a) - rankOf(b))
    .map(([each, number]) => `${number} ${each}`)
    .join(', ');
  return {
    ...(state === undefined ? {} : { state }),
    message: `${sums}; ${first.name}: ${message}`,
    ...(strategy === undefined ? {} : { strategy }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(classes === undefined ? {} : { classes }),
    instances,
    ...waits,
  };
}

/** What most stands in the way comes first. */
const states = ['Pending', 'Placeable', 'Foreign', 'Stopped', 'Deleting', 'Bound', 'Finished'];

function rankOf(state: string): number {
  return states.indexOf(state);
}

function instanceOf(each: { readonly name: string; readonly answer: Answer }): WhyInstance {
  const { state, node, message } = each.answer;
  return {
    name: each.name,
    ...(state === undefined ? {} : { state }),
    ...(node === undefined ? {} : { node }),
    ...(message === undefined ? {} : { message }),
  };
}

function conditionsOf({ status }: Workload): NonNullable<Why['waitsFor']> {
  return (status?.conditions ?? []).flatMap(({ status: met, reason, message }): WhyWait[] =>
    met === 'False' && message !== undefined && message !== ''
      ? [{ ...(reason === undefined ? {} : { reason }), message }]
      : [],
  );
}

function withWaits({ message = '' }: Answer, waits: readonly WhyWait[]): string {
  const [first] = waits;
  return first === undefined ? message : `${message}; waits for ${first.message ?? ''}`;
}

/** Of an instance in that state. */
interface InState {
  readonly pod: Pod;
  readonly state: string;
}

function mostInTheWay(a: InState, b: InState): number {
  return rankOf(a.state) - rankOf(b.state) || byName(a.pod, b.pod);
}

function byName({ metadata: { name: a = '' } }: Pod, { metadata: { name: b = '' } }: Pod): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
