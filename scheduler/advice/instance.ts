/** Why of one pod or VM, and of a workload's instances together. Pure over a view. */
import type { Pod, Why, WhyInstance, WhyWait, Workload } from '../../api/kinds.gen.ts';
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

export function whyInstance(view: View, pod: Pod, gangs: GangAnswers = new Map()): Answer {
  const waitsFor = waitsOf(pod);
  const waits = waitsFor.length === 0 ? {} : { waitsFor };
  const { nodeName = '' } = pod.spec;
  const on = nodeName === '' ? {} : { node: nodeName };
  const done = (state: string, message: string): Answer => ({ state, message, ...on, ...waits });
  if (isFinished(pod)) return done('Finished', `has ended: ${pod.status?.phase ?? ''}`);
  const { deletionTimestamp, annotations } = pod.metadata;
  if (deletionTimestamp !== undefined) return done('Deleting', 'is being deleted');
  const { schedulerName = '' } = pod.spec;
  if (!schedulerNames.has(schedulerName)) {
    return done('Foreign', `is left to the scheduler "${schedulerName}"`);
  }
  const gates = (pod.spec.schedulingGates ?? []).map(({ name }) => name);
  if (nodeName === '' && gates.length > 0) {
    return done('Pending', `is held back by scheduling gates: ${gates.join(', ')}`);
  }
  const workload = workloadOf(view, pod);
  const request = requestOf(view, pod, workload);
  if (typeof request === 'string') return done('Pending', request);
  if (nodeName === '') {
    const gang = gangOf(pod, workload);
    if (gang !== undefined && !gangs.has(gang.key)) gangs.set(gang.key, answerOfGang(view, gang));
    const held = gang && gangs.get(gang.key);
    if (held !== undefined) return { ...held, strategy: request.strategy, ...waits };
    return pendingOf(whyPending(view.engine, request), pod, waitsFor);
  }
  const answer = whyBound(view.engine, request, nodeName);
  if (annotations?.['berth.dev/running'] !== 'false') {
    return { ...answer, message: withWaits(answer, waitsFor), ...waits };
  }
  const message = `stopped on purpose; it keeps its place ${answer.message ?? ''}`;
  return { ...answer, state: 'Stopped', message, ...waits };
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

function answerOfGang(view: View, gang: Gang): Answer | undefined {
  const { minMember } = gang;
  if (minMember === undefined) return undefined; // What the scheduler said of it is told.
  const members = view.waitingOf(gang);
  const requests = members.flatMap((member) => {
    const request = requestOf(view, member, workloadOf(view, member));
    return typeof request === 'string' ? [] : [request];
  });
  const there = view.gangs.placed(gang);
  return whyGang(view.engine, requests, { ...gang, minMember, there, waiting: members.length });
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

export function whyWorkload(view: View, workload: Workload): Answer {
  const gangs: GangAnswers = new Map();
  const all = view
    .podsOf(workload.metadata.uid ?? '')
    .toSorted((a, b) => order(a.metadata.name ?? '', b.metadata.name ?? ''))
    .map((pod) => ({ name: pod.metadata.name ?? '', answer: whyInstance(view, pod, gangs) }))
    .sort((a, b) => rankOf(a.answer) - rankOf(b.answer));
  const waitsFor = conditionsOf(workload);
  const waits = waitsFor.length === 0 ? {} : { waitsFor };
  const instances = all.slice(0, instancesMax).map(instanceOf);
  const [first] = all;
  if (first === undefined) {
    const message = waitsFor[0]?.message ?? 'has no instances';
    return { state: 'Pending', message, instances, ...waits };
  }
  const { state, classes, nodes, strategy, message = '' } = first.answer;
  const counts = new Map<string, number>();
  for (const { answer } of all) count(counts, answer.state ?? '');
  const told = [...counts].map(([each, number]) => `${number} ${each}`).join(', ');
  return {
    ...(state === undefined ? {} : { state }),
    message: `${told}; ${first.name}: ${message}`,
    ...(strategy === undefined ? {} : { strategy }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(classes === undefined ? {} : { classes }),
    instances,
    ...waits,
  };
}

/** What most stands in the way comes first. */
const states = ['Pending', 'Placeable', 'Foreign', 'Stopped', 'Deleting', 'Bound', 'Finished'];

function rankOf({ state = '' }: Answer): number {
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

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
