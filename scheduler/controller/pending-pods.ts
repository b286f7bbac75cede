/**
 * The pods that have no node: those to decide next, in order, and those that wait because nothing fits. Time is
 * given with each call.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { instanceKey } from '../../client/instance.ts';
import { controllerOf } from '../engine/pod-request.ts';

/** After a refusal: at least so long, also when something changed that could help. */
const helpedBackoff = { firstMs: 100, longestMs: 5_000 };

/** After a refusal: at most so long, also when nothing seems to have changed. */
const retryMs = 60_000;

interface Entry {
  readonly uid: string;
  readonly key: string;
  readonly owner: string | undefined;
  readonly priority: number;
  readonly created: string;
  state: 'active' | 'deciding' | 'waiting' | 'gone';
  refusals: number;
  /** While waiting: when it becomes active, with and without help. */
  helpedAtMs: number;
  retryAtMs: number;
  helped: boolean;
}

export interface PendingPod {
  readonly uid: string;
  readonly key: string;
  /** How often it was refused so far. */
  readonly refusals: number;
}

export class PendingPods {
  readonly #entries = new Map<string, Entry>();
  /** Worst first, so that the next is popped; sorted when needed. */
  #active: Entry[] = [];
  #sorted = true;
  readonly #waiting = new Set<Entry>();
  /** Those of them that an instance placed elsewhere could help. */
  readonly #waitingForPeers = new Set<Entry>();
  #helps = 0;

  /** Grows when something changes that could make room for somebody. */
  get helps(): number {
    return this.#helps;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a pod; one that is known keeps its place. */
  add(pod: Pod): void {
    const { uid = '', creationTimestamp = '' } = pod.metadata;
    if (this.#entries.has(uid)) return;
    const entry: Entry = {
      uid,
      key: instanceKey(pod),
      owner: controllerOf(pod)?.uid,
      priority: pod.spec.priority ?? 0,
      created: creationTimestamp,
      state: 'waiting',
      refusals: 0,
      helpedAtMs: 0,
      retryAtMs: 0,
      helped: false,
    };
    this.#entries.set(uid, entry);
    this.#activate(entry);
  }

  /** The pod was bound or is gone. */
  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.state = 'gone';
    this.#entries.delete(uid);
    this.#waiting.delete(entry);
    this.#waitingForPeers.delete(entry);
  }

  /** At most so many are to be decided now. */
  get ready(): number {
    return this.#active.length;
  }

  /** Up to `most` pods to decide: higher priority first, then older. They come back by `wait` or `remove`. */
  take(most: number): PendingPod[] {
    if (!this.#sorted) {
      this.#active = this.#active.filter((entry) => entry.state === 'active').sort(worstFirst);
      this.#sorted = true;
    }
    const taken: PendingPod[] = [];
    while (taken.length < most) {
      const entry = this.#active.pop();
      if (entry === undefined) break;
      if (entry.state !== 'active') continue;
      entry.state = 'deciding';
      taken.push({ uid: entry.uid, key: entry.key, refusals: entry.refusals });
    }
    return taken;
  }

  /** This one, whatever it waits for, unless it is being decided already. */
  takeOne(uid: string): PendingPod | undefined {
    const entry = this.#entries.get(uid);
    if (entry === undefined || entry.state === 'deciding') return undefined;
    this.#waiting.delete(entry);
    this.#waitingForPeers.delete(entry);
    entry.state = 'deciding';
    return { uid, key: entry.key, refusals: entry.refusals };
  }

  /** All others of an owner, also those that wait. As `take`. */
  takeOwned(owner: string): PendingPod[] {
    const taken: PendingPod[] = [];
    const others = [...this.#entries.values()].filter(
      (entry) => entry.owner === owner && entry.state !== 'deciding',
    );
    for (const entry of others.sort(worstFirst).reverse()) {
      this.#waiting.delete(entry);
      this.#waitingForPeers.delete(entry);
      entry.state = 'deciding';
      taken.push({ uid: entry.uid, key: entry.key, refusals: entry.refusals });
    }
    return taken;
  }

  /** Nothing fits: waits for help or time, but no longer than `mostMs`. */
  wait(uid: string, nowMs: number, mostMs = retryMs): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    const backoffMs = helpedBackoff.firstMs * 2 ** Math.min(entry.refusals, 16);
    entry.refusals += 1;
    entry.helpedAtMs = nowMs + Math.min(backoffMs, helpedBackoff.longestMs);
    entry.retryAtMs = nowMs + Math.min(mostMs, retryMs);
    entry.helped = false;
    entry.state = 'waiting';
    this.#waiting.add(entry);
  }

  /** Something changed that could make room: everything that waits is tried again as soon as it may. */
  help(): void {
    this.#helps += 1;
    for (const entry of this.#waiting) entry.helped = true;
  }

  /** Tried again although nothing is known to have changed, as soon as it may. */
  helpOne(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) entry.helped = true;
  }

  /** Not decided after all: tried again as soon as it may. */
  again(uid: string, nowMs: number): void {
    this.wait(uid, nowMs);
    this.helpOne(uid);
  }

  /** To be called after `wait`: it could go where somebody it wants to be near has gone. */
  waitForPeers(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry?.state === 'waiting') this.#waitingForPeers.add(entry);
  }

  /** An instance was placed. */
  helpPeers(): void {
    this.#helps += 1;
    for (const entry of this.#waitingForPeers) entry.helped = true;
  }

  /** Makes active what is due; returns when the next is, Infinity when nothing waits. */
  advance(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting) {
      const dueMs = entry.helped ? entry.helpedAtMs : entry.retryAtMs;
      if (dueMs <= nowMs) this.#activate(entry);
      else nextMs = Math.min(nextMs, dueMs);
    }
    return nextMs;
  }

  #activate(entry: Entry): void {
    this.#waiting.delete(entry);
    this.#waitingForPeers.delete(entry);
    entry.state = 'active';
    this.#active.push(entry);
    this.#sorted = false;
  }
}

function worstFirst(a: Entry, b: Entry): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.created !== b.created) return a.created < b.created ? 1 : -1;
  return a.key < b.key ? 1 : -1;
}
