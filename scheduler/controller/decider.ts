/** Decides a batch of pods: those of one class together, gangs all or none. Who is refused is told why. */
import { isVm } from '../../api/vm-instance.ts';
import { sortInParts } from '../../lib/sort-in-parts.ts';
import { Turns } from '../../lib/turns.ts';
import { refusalText } from '../advice/words.ts';
import type { Decision, Placed } from '../engine/engine.ts';
import type { Reasons } from '../engine/reasons.ts';
import type { Layout } from '../engine/request.ts';
import type { Binding } from './binder.ts';
import {
  byClass,
  type Candidate,
  deadlineOf,
  moreUrgentFirst,
  unitsOf,
  waitsForPeers,
} from './candidate.ts';
import type { DeciderDeps } from './decider-deps.ts';
import type { Gang } from './gangs.ts';
import type { PendingPod } from './pending-pods.ts';
import type { Prepared } from './preemptor.ts';
import type { Verdict } from './verdicts.ts';

export interface Decided extends Candidate {
  readonly binding: Binding;
}

/** What the answers of users' own dimensions may take for one gang; then its members are decided by what is known. */
const gangAskMs = 10_000;

/** On a large cluster something changes whenever others have their turns: a gang must be decided all the same. */
const attemptsMax = 3;

type Told = Omit<Verdict, 'uid'>;

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
    const all = await this.#withOwned(await this.#currentOf(candidates));
    for (const unit of unitsOf(all, (candidate) => this.#keyOf(candidate))) {
      // Just before they are decided: what is prepared for many others may make it be forgotten.
      for (const { request } of unit) {
        while (!this.#deps.engine.prepare(request)) await this.#turns.step();
        await this.#turns.step();
      }
      const current = await this.#currentOf(unit);
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
    const { cluster, engine, preemptor } = this.#deps;
    const layout = unit[0]?.request.layout;
    if (layout !== undefined) return this.#decideGroup(unit, layout);
    const restore = preemptor.setAside(unit);
    const parts = engine.placeInParts(unit.map(({ request }) => request));
    const placed = await this.#turns.through(parts);
    restore();
    const decided: Decided[] = [];
    const left: Candidate[] = [];
    for (const [i, candidate] of unit.entries()) {
      if (!this.#isCurrent(candidate)) cluster.forget(candidate.pending.uid);
      else if (placed[i] === undefined) left.push(candidate);
      else decided.push(...this.#conclude(candidate, placed[i]));
      await this.#turns.step();
    }
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
      await this.#turns.step();
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
        const others = await this.#turns.through(this.#deps.queue.takeOwned(owner));
        for (const each of await this.candidatesOf(others)) own.push(each);
        for (const each of await this.#turns.through(sortInParts(own, byClass))) all.push(each);
      }
    }
    return all;
  }

  /** Others have their turns meanwhile, so some may have changed since they were looked at. */
  async #currentOf(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const current: Candidate[] = [];
    for (const candidate of candidates) {
      if (this.#isCurrent(candidate)) current.push(candidate);
      await this.#turns.step();
    }
    return current;
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
    attempt = 1,
  ): Promise<readonly Decided[]> {
    const all = await this.#membersOf(gang, some);
    const { helps } = this.#deps.queue;
    const { minMember } = gang;
    if (minMember === undefined) {
      const how = 'annotation berth.dev/gang-min-member says how many';
      const message = `pods of group "${gang.name}" do not say how many belong together: ${how}`;
      for (const { pending } of all) this.refuse(pending, { message });
      return [];
    }
    const before = this.#deps.gangs.placed(gang);
    const need = minMember - before;
    // With enough of them there the others come one by one.
    if (need <= 0) return this.#decideSingly(all);
    if (all.length < need) {
      const why = `${before + all.length} of ${minMember} members are there`;
      return this.#refuseGang(gang, all, { why, helps });
    }
    const placed = await this.#decideTogether(all);
    if (placed === undefined) return [];
    const standing = all.flatMap((each, i): (Candidate & Placed)[] => {
      const place = placed[i];
      return place === undefined ? [] : [{ ...each, ...place }];
    });
    const refused = all.filter((_, i) => placed[i] === undefined);
    if (standing.length >= need) return this.#concludeGang(gang, standing, refused);
    const isLast = attempt >= attemptsMax || this.#asksOthers(all);
    // What has become free while others had their turns is taken, and nobody removed for it.
    const isWanted = () =>
      all.every((each) => this.#isAsKnown(each)) && (isLast || this.#deps.queue.helps === helps);
    const { reasons, made } = await this.#helpGang(gang, standing, refused, { need, isWanted });
    for (const { pending } of standing) this.#deps.cluster.forget(pending.uid);
    if (made === undefined && !isWanted()) {
      const current = all.filter((each) => this.#isCurrent(each));
      if (!isLast) return this.#decideGang(gang, current, attempt + 1);
      for (const { pending } of current) this.#again(pending);
      return [];
    }
    const count = `${before + standing.length} of ${minMember} members fit at the same time`;
    const next = reasons === undefined ? '' : `; for the next: ${refusalText(reasons)}`;
    const why = `${count}${next}${made === undefined ? '' : ` ${made}`}`;
    return this.#refuseGang(gang, all, { why, helps });
  }

  async #concludeGang(
    { key: group }: Gang,
    standing: readonly (Candidate & Placed)[],
    refused: readonly Candidate[],
  ): Promise<readonly Decided[]> {
    const decided: Decided[] = [];
    for (const each of standing) {
      decided.push(...this.#conclude(each, each, { group }));
      await this.#turns.step();
    }
    return [...decided, ...(await this.#decideLeft(refused))];
  }

  /** Looks for what a gang is told, of whose members these have no place, and makes room for it where that can be. */
  async #helpGang(
    gang: Gang,
    standing: readonly (Candidate & Placed)[],
    refused: readonly Candidate[],
    { need, isWanted }: { readonly need: number; readonly isWanted: () => boolean },
  ) {
    const { engine, preemptor } = this.#deps;
    const all = [...standing, ...refused];
    const restore = preemptor.setAside(all);
    const [first] = refused;
    const reasons = first && (await this.#turns.through(engine.explain(first.request)));
    const room = { need, isWanted };
    const made = this.#isTimedOut(gang, all)
      ? undefined
      : await this.#turns.through(preemptor.makeRoomTogether(standing, refused, room));
    restore();
    return { reasons, made };
  }

  async #decideSingly(members: readonly Candidate[]): Promise<Decided[]> {
    const decided: Decided[] = [];
    const askUntilMs = this.#deps.clock.now() + gangAskMs;
    for (const member of members) {
      await this.#askFor(member, askUntilMs);
      if (this.#isCurrent(member)) decided.push(...(await this.#decideAlike([member])));
      await this.#turns.step();
    }
    return decided;
  }

  #asksOthers(members: readonly Candidate[]): boolean {
    return members.some(({ request }) => this.#deps.asksOthers(request));
  }

  /** One after the other: each piece of a user's own dimension may change the next answer. Undefined: all wait again. */
  async #decideTogether(
    members: readonly Candidate[],
  ): Promise<readonly (Placed | undefined)[] | undefined> {
    const { clock, cluster, engine, preemptor } = this.#deps;
    const placed: (Placed | undefined)[] = [];
    const askUntilMs = clock.now() + gangAskMs;
    for (const some of this.#asksOthers(members) ? members.map((each) => [each]) : [members]) {
      const [first] = some;
      if (first !== undefined) await this.#askFor(first, askUntilMs);
      // Bound by somebody else meanwhile it must not be decided over that.
      if (!some.every((member) => this.#isAsKnown(member))) break;
      const restore = preemptor.setAside(members);
      const parts = engine.placeInParts(some.map(({ request }) => request));
      for (const each of await this.#turns.through(parts)) placed.push(each);
      restore();
    }
    const current = members.filter((member) => this.#isCurrent(member));
    const isWhole = current.length === members.length && placed.length === members.length;
    if (isWhole) return placed;
    for (const { pending } of members) cluster.forget(pending.uid);
    for (const { pending } of current) this.#again(pending);
    return undefined;
  }

  #again({ uid }: PendingPod): void {
    this.#deps.queue.again(uid, this.#deps.clock.now());
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
    const all = await this.#currentOf([...some, ...(await this.candidatesOf(pending))]);
    return this.#turns.through(sortInParts(all, moreUrgentFirst));
  }

  /** `helps` as the queue had them when it was decided. */
  async #refuseGang(
    gang: Gang,
    all: readonly Candidate[],
    { why, helps }: { readonly why: string; readonly helps: number },
  ): Promise<readonly Decided[]> {
    const { clock, metrics, preemptor, queue } = this.#deps;
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
      if (queue.helps !== helps) queue.helpOne(candidate.pending.uid);
      await this.#turns.step();
    }
    return [];
  }

  #waitForPeers({ pending, request }: Candidate): void {
    if (waitsForPeers(request)) this.#deps.queue.waitForPeers(pending.uid);
  }

  #isTimedOut(gang: Gang, all: readonly Candidate[]): boolean {
    return this.#deps.clock.now() >= deadlineOf(gang, all);
  }
}

const noRoom = { message: undefined, nominatedNodeName: undefined };
