/** Decides a batch of pods: those of one class together, gangs all or none. Who is refused is told why. */
import type { Pod } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { atOnce, Turns } from '../../lib/turns.ts';
import { refusalText } from '../advice/words.ts';
import type { Decision, Engine, Placed } from '../engine/engine.ts';
import type { Reasons } from '../engine/reasons.ts';
import type { Layout, PlacementRequest } from '../engine/request.ts';
import type { Binding } from './binder.ts';
import { byClass, type Candidate, moreUrgentFirst, unitsOf } from './candidate.ts';
import type { Cluster } from './cluster.ts';
import type { Gang, Gangs } from './gangs.ts';
import type { PendingPod, PendingPods } from './pending-pods.ts';
import type { Preemptor, Prepared } from './preemptor.ts';
import type { ScheduleMetrics } from './schedule-metrics.ts';
import type { Verdict, Verdicts } from './verdicts.ts';

export interface Decided extends Candidate {
  readonly binding: Binding;
}

export interface DeciderDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: Engine;
  readonly cluster: Cluster;
  readonly queue: PendingPods;
  readonly gangs: Gangs;
  readonly preemptor: Preemptor;
  readonly verdicts: Verdicts;
  readonly metrics: ScheduleMetrics;
  /** Undefined when the pod cannot be decided now; it has been told, then. */
  readonly candidateOf: (pending: PendingPod) => Candidate | undefined;
  /** As the cache has it now. */
  readonly find: (key: string) => Pod | undefined;
  /** Whether it asks for anything of users' own dimensions, and fetches what a decision about it needs, then. */
  readonly asksOthers: (request: PlacementRequest) => boolean;
  readonly ask: (request: PlacementRequest) => Promise<void>;
}

/** What the answers of users' own dimensions may take for one gang; then its members are decided by what is known. */
const gangAskMs = 10_000;

type Told = Omit<Verdict, 'uid'>;

/** What was looked for beforehand, for a gang that does not fit. */
interface Foreseen {
  readonly reasons: Reasons | undefined;
  readonly prepared: Prepared;
}

export class Decider {
  readonly #deps: DeciderDeps;
  readonly #turns: Turns;

  constructor(deps: DeciderDeps) {
    this.#deps = deps;
    this.#turns = new Turns(deps.clock);
  }

  /** Those that can be decided now. Others have their turns meanwhile, here as in `decide`. */
  async candidatesOf(batch: readonly PendingPod[]): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    for (const pending of batch) {
      const candidate = this.#deps.candidateOf(pending);
      if (candidate !== undefined) candidates.push(candidate);
      await this.#turns.step();
    }
    return candidates;
  }

  /** What is to be bound; all others wait again. */
  async decide(candidates: readonly Candidate[]): Promise<Decided[]> {
    const decided: Decided[] = [];
    const all = await this.#withOwned(candidates.filter((each) => this.#isCurrent(each)));
    for (const unit of unitsOf(all, (candidate) => this.#keyOf(candidate))) {
      // Just before they are decided: what is prepared for many others may make it be forgotten.
      for (const { request } of unit) {
        while (!this.#deps.engine.prepare(request)) await this.#turns.step();
      }
      const current = unit.filter((each) => this.#isCurrent(each));
      if (current.length === 0) continue;
      const gang = current[0]?.gang;
      if (gang !== undefined) decided.push(...(await this.#decideGang(gang, current)));
      else decided.push(...(await this.#decideAlike(current)));
      await this.#turns.step();
    }
    return decided;
  }

  /** Those of one class, which are no gang: as many as fit, then each of the others by itself. */
  async #decideAlike(unit: readonly Candidate[]): Promise<readonly Decided[]> {
    const { engine, preemptor } = this.#deps;
    const layout = unit[0]?.request.layout;
    if (layout !== undefined) return this.#decideGroup(unit, layout);
    const restore = preemptor.setAside(unit);
    const placed = engine.placeBatch(unit.map(({ request }) => request));
    restore();
    const decided = unit.flatMap((candidate, i) => this.#conclude(candidate, placed[i]));
    const left = unit.filter((_, i) => placed[i] === undefined);
    return [...decided, ...(await this.#decideLeft(left))];
  }

  /** Those that do not fit, each by itself: first it is looked in turns for what they are told, and who could make room. */
  async #decideLeft(left: readonly Candidate[]): Promise<readonly Decided[]> {
    if (left.length === 0) return [];
    const { engine, preemptor } = this.#deps;
    const decided: Decided[] = [];
    const reasonsOf = new Map<string, Reasons>();
    const restore = preemptor.setAside(left);
    for (const candidate of left) {
      const { request } = candidate;
      const reasons =
        reasonsOf.get(request.classKey) ?? (await this.#turns.through(engine.explain(request)));
      reasonsOf.set(request.classKey, reasons);
      const prepared = await this.#turns.through(preemptor.prepare([candidate]));
      // Others had their turns: what has become free meanwhile is taken.
      if (!this.#isCurrent(candidate)) continue;
      const [decision] = engine.scheduleBatch([request], reasons);
      decided.push(...this.#conclude(candidate, decision, { prepared }));
    }
    restore();
    return decided;
  }

  /** Those of an owner that counts by node. */
  async #decideGroup(unit: readonly Candidate[], layout: Layout): Promise<readonly Decided[]> {
    const { cluster, engine, preemptor, queue } = this.#deps;
    const { helps } = queue;
    const restore = preemptor.setAside(unit);
    const requests = unit.map(({ request }) => request);
    const decisions = await this.#turns.through(engine.scheduleGroup(requests, layout));
    restore();
    const decided: Decided[] = [];
    for (const [i, candidate] of unit.entries()) {
      const { uid } = candidate.pending;
      if (this.#isCurrent(candidate)) decided.push(...this.#conclude(candidate, decisions[i]));
      else cluster.forget(uid);
      // It waits from now on only: what came since it was decided may help it.
      if (decisions[i]?.type === 'refused' && queue.helps !== helps) queue.helpOne(uid);
      await this.#turns.step();
    }
    return decided;
  }

  /** Where an owner counts by node all its pods are decided together, also those that did not fit before. */
  async #withOwned(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const all: Candidate[] = [];
    const owners = new Set<string>();
    for (const candidate of candidates) {
      const { layout, owner } = candidate.request;
      if (layout === undefined || owner === undefined) all.push(candidate);
      else if (!owners.has(owner)) {
        owners.add(owner);
        const own = candidates.filter(({ request }) => request.owner === owner);
        own.push(...(await this.candidatesOf(this.#deps.queue.takeOwned(owner))));
        all.push(...own.sort(byClass));
      }
    }
    return all;
  }

  /** False when the pod has changed or gone while others had their turn: it waits again then, or is forgotten. */
  #isCurrent(candidate: Candidate): boolean {
    const { clock, find, queue } = this.#deps;
    const { uid, key } = candidate.pending;
    if (this.#isAsKnown(candidate)) return true;
    if (find(key)?.metadata.uid === uid) queue.again(uid, clock.now());
    else queue.remove(uid);
    return false;
  }

  #isAsKnown({ pending: { uid, key }, pod }: Candidate): boolean {
    const now = this.#deps.find(key)?.metadata;
    return now?.uid === uid && now.resourceVersion === pod.metadata.resourceVersion;
  }

  /** It waits again, at most `mostMs`; without a verdict it is not told why. */
  refuse({ uid, key }: PendingPod, told: Told | undefined, mostMs?: number): void {
    this.#deps.queue.wait(uid, this.#deps.clock.now(), mostMs);
    if (told !== undefined) this.#deps.verdicts.refuse(key, { uid, ...told });
  }

  #keyOf(candidate: Candidate): string {
    if (candidate.gang !== undefined) return `gang ${candidate.gang.key}`;
    return `${this.#deps.preemptor.standing(candidate)} ${candidate.request.classKey}`;
  }

  #conclude(
    candidate: Candidate,
    decision: Decision | undefined,
    { group, prepared }: { readonly group?: string; readonly prepared?: Prepared } = {},
  ): Decided[] {
    const { cluster, log, metrics, preemptor } = this.#deps;
    const { pending, pod } = candidate;
    if (decision === undefined) return [];
    if (decision.type === 'refused') {
      metrics.attempt('unschedulable');
      // Room for one instance of a layout alone would be room for nothing.
      const { message, nominatedNodeName } =
        candidate.request.layout === undefined ? preemptor.makeRoom(candidate, prepared) : noRoom;
      const why = refusalText(decision.reasons);
      const told = message === undefined ? why : `${why} ${message}`;
      this.refuse(pending, { message: told, nominatedNodeName });
      this.#waitForPeers(candidate);
      return [];
    }
    preemptor.settle(candidate);
    const { uid, key } = pending;
    const { namespace = '', name = '' } = pod.metadata;
    const resource = isVm(pod) ? 'vms' : 'pods';
    const { node: nodeName } = decision;
    log.debug({ pod: key, node: nodeName }, 'pod decided');
    const given = cluster.give(candidate, decision);
    const what = { resource, namespace, name, uid, nodeName, ...given } as const;
    const binding = group === undefined ? what : { ...what, group };
    return [{ ...candidate, binding }];
  }

  async #decideGang(
    gang: Gang,
    some: readonly Candidate[],
    foreseen?: Foreseen,
  ): Promise<readonly Decided[]> {
    const { asksOthers, cluster, gangs, preemptor } = this.#deps;
    const all = await this.#membersOf(gang, some);
    const { minMember } = gang;
    if (minMember === undefined) {
      const how = 'annotation berth.dev/gang-min-member says how many';
      const message = `pods of group "${gang.name}" do not say how many belong together: ${how}`;
      for (const { pending } of all) this.refuse(pending, { message });
      return [];
    }
    const before = gangs.placed(gang);
    const need = minMember - before;
    // With enough of them there the others come one by one.
    if (need <= 0) return this.#decideSingly(all);
    if (all.length < need) {
      this.#refuseGang(gang, all, `${before + all.length} of ${minMember} members are there`);
      return [];
    }
    const placed = await this.#decideTogether(all);
    if (placed === undefined) return [];
    const standing = all.flatMap((each, i): (Candidate & Placed)[] => {
      const place = placed[i];
      return place === undefined ? [] : [{ ...each, ...place }];
    });
    const refused = all.filter((_, i) => placed[i] === undefined);
    if (standing.length >= need) {
      const { key: group } = gang;
      const decided = standing.flatMap((each) => this.#conclude(each, each, { group }));
      return [...decided, ...(await this.#decideLeft(refused))];
    }
    const restore = preemptor.setAside(all);
    const isTimedOut = this.#isTimedOut(gang, all);
    const isLast = foreseen !== undefined || all.some(({ request }) => asksOthers(request));
    const foreseeing = this.#foresee(refused, isTimedOut);
    const { reasons, prepared } =
      foreseen ?? (isLast ? atOnce(foreseeing) : await this.#turns.through(foreseeing));
    const isHelpless = !isLast || isTimedOut;
    const made = isHelpless
      ? undefined
      : preemptor.makeRoomTogether(standing, refused, need, prepared);
    for (const { pending } of standing) cluster.forget(pending.uid);
    restore();
    if (!isLast) {
      // Others had their turns: what has become free meanwhile is taken.
      const current = all.filter((each) => this.#isCurrent(each));
      return this.#decideGang(gang, current, { reasons, prepared });
    }
    const count = `${before + standing.length} of ${minMember} members fit at the same time`;
    const why = reasons === undefined ? '' : `; for the next: ${refusalText(reasons)}`;
    this.#refuseGang(gang, all, `${count}${why}${made === undefined ? '' : ` ${made}`}`);
    return [];
  }

  /** What a gang is told and done for if these of its members have no place. */
  *#foresee(refused: readonly Candidate[], isTimedOut: boolean): Generator<undefined, Foreseen> {
    const { engine, preemptor } = this.#deps;
    const [first] = refused;
    const reasons = first === undefined ? undefined : yield* engine.explain(first.request);
    return { reasons, prepared: isTimedOut ? new Map() : yield* preemptor.prepare(refused) };
  }

  async #decideSingly(members: readonly Candidate[]): Promise<Decided[]> {
    const decided: Decided[] = [];
    const askUntilMs = this.#deps.clock.now() + gangAskMs;
    for (const member of members) {
      await this.#askFor(member, askUntilMs);
      if (this.#isCurrent(member)) decided.push(...(await this.#decideAlike([member])));
    }
    return decided;
  }

  /** One after the other: each piece of a user's own dimension may change the next answer. Undefined: all wait again. */
  async #decideTogether(
    members: readonly Candidate[],
  ): Promise<readonly (Placed | undefined)[] | undefined> {
    const { asksOthers, clock, cluster, engine, preemptor, queue } = this.#deps;
    const schedule = (some: readonly Candidate[]) => {
      const restore = preemptor.setAside(members);
      const placed = engine.placeBatch(some.map(({ request }) => request));
      restore();
      return placed;
    };
    if (!members.some(({ request }) => asksOthers(request))) return schedule(members);
    const placed: (Placed | undefined)[] = [];
    const askUntilMs = clock.now() + gangAskMs;
    for (const member of members) {
      await this.#askFor(member, askUntilMs);
      // Bound by somebody else meanwhile it must not be decided over that.
      if (!this.#isAsKnown(member)) break;
      placed.push(...schedule([member]));
    }
    const current = members.filter((member) => this.#isCurrent(member));
    const isWhole = current.length === members.length && placed.length === members.length;
    if (isWhole) return placed;
    for (const { pending } of members) cluster.forget(pending.uid);
    for (const { pending } of current) queue.again(pending.uid, clock.now());
    return undefined;
  }

  async #askFor({ request }: Candidate, untilMs: number): Promise<void> {
    const { ask, asksOthers, clock } = this.#deps;
    if (asksOthers(request) && clock.now() < untilMs) await ask(request);
  }

  /** Those that were taken from the queue, and all others that wait. */
  async #membersOf(gang: Gang, some: readonly Candidate[]): Promise<readonly Candidate[]> {
    const { gangs, queue } = this.#deps;
    const taken = new Set(some.map(({ pending }) => pending.uid));
    const others = gangs.waiting(gang).filter((uid) => !taken.has(uid));
    const pending = others.flatMap((uid) => queue.takeOne(uid) ?? []);
    const all = [...some, ...(await this.candidatesOf(pending))];
    return all.filter((each) => this.#isCurrent(each)).sort(moreUrgentFirst);
  }

  #refuseGang(gang: Gang, all: readonly Candidate[], why: string): void {
    const { clock, metrics, preemptor } = this.#deps;
    const isTimedOut = this.#isTimedOut(gang, all);
    const leftMs = deadlineOf(gang, all) - clock.now();
    const within = isTimedOut ? ` was not placed within ${gang.timeoutMs / 1_000}s` : '';
    for (const candidate of all) {
      metrics.attempt('unschedulable');
      // It holds nothing up any longer.
      if (isTimedOut) preemptor.settle(candidate);
      const told = {
        message: `gang "${gang.name}"${within}: ${why}`,
        reason: isTimedOut ? 'GangTimeout' : undefined,
        nominatedNodeName: preemptor.nominationOf(candidate),
      };
      this.refuse(candidate.pending, told, isTimedOut ? undefined : leftMs);
      this.#waitForPeers(candidate);
    }
  }

  #waitForPeers({ pending, request }: Candidate): void {
    if (waitsForPeers(request)) this.#deps.queue.waitForPeers(pending.uid);
  }

  #isTimedOut(gang: Gang, all: readonly Candidate[]): boolean {
    return this.#deps.clock.now() >= deadlineOf(gang, all);
  }
}

const noRoom = { message: undefined, nominatedNodeName: undefined };

/** Whether somebody placed elsewhere could help. */
function waitsForPeers({ peerRules }: PlacementRequest): boolean {
  if (peerRules === undefined) return false;
  return peerRules.near.length > 0 || peerRules.spread.some(({ required }) => required);
}

/** Counted from when the oldest of them was made. */
function deadlineOf({ timeoutMs }: Gang, all: readonly Candidate[]): number {
  const made = all.map(({ pod }) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0);
  return Math.min(...made) + timeoutMs;
}
