/**
 * The pods that have no node: those to decide next, in order, and those that wait because nothing fits. Time is
 * given with each call.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { instanceKey } from '../../client/instance.ts';
import { Heap } from '../../lib/heap.ts';
import { LargeMap } from '../../lib/large-map.ts';
import { sortInParts } from '../../lib/sort-in-parts.ts';
import { controllerOf } from '../engine/pod-request.ts';

/** After a refusal: at least so long, also when something changed that could help. */
const helpedBackoff = { firstMs: 100, longestMs: 5_000 };

/** After a refusal: at most so long, also when nothing seems to have changed. */
const retryMs = 60_000;

/** Waiting pods that are looked at in one part. */
const partSize = 512;

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
  /** Whether it was helped by itself, and how often all had been helped when it began to wait. */
  helped: boolean;
  helps: number;
  /** The same of those that wait for peers; undefined: it does not. */
  peerHelps: number | undefined;
}

export interface PendingPod {
  readonly uid: string;
  readonly key: string;
  /** How often it was refused so far. */
  readonly refusals: number;
}

export class PendingPods {
  readonly #entries = new LargeMap<Entry>();
  /** By owner. */
  readonly #owned = new Map<string, Set<Entry>>();
  /** Those that are not active any more are passed over. */
  readonly #active = new Heap(bestFirst);
  readonly #waiting = new Set<Entry>();
  #helps = 0;
  #peerHelps = 0;
  /** No sooner is any of those that wait due. */
  #nextMs = Number.POSITIVE_INFINITY;

  /** Grows when something changes that could make room for somebody. */
  get helps(): number {
    return this.#helps + this.#peerHelps;
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
      helps: 0,
      peerHelps: undefined,
    };
    this.#entries.set(uid, entry);
    if (entry.owner !== undefined) {
      const owned = this.#owned.get(entry.owner) ?? new Set();
      this.#owned.set(entry.owner, owned.add(entry));
    }
    this.#activate(entry);
  }

  /** The pod was bound or is gone. */
  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.state = 'gone';
    this.#entries.delete(uid);
    this.#waiting.delete(entry);
    const { owner = '' } = entry;
    const owned = this.#owned.get(owner);
    owned?.delete(entry);
    if (owned?.size === 0) this.#owned.delete(owner);
  }

  /** At most so many are to be decided now. */
  get ready(): number {
    return this.#active.size;
  }

  /** Up to `most` pods to decide: higher priority first, then older. They come back by `wait` or `remove`. */
  take(most: number): PendingPod[] {
    const taken: PendingPod[] = [];
    while (taken.length < most) {
      const entry = this.#active.pop();
      if (entry === undefined) break;
      if (entry.state === 'active') taken.push(this.#take(entry));
    }
    return taken;
  }

  /** This one, whatever it waits for, unless it is being decided already. */
  takeOne(uid: string): PendingPod | undefined {
    const entry = this.#entries.get(uid);
    return entry === undefined || entry.state === 'deciding' ? undefined : this.#take(entry);
  }

  /** All others of an owner, also those that wait. As `take`, with pauses. */
  *takeOwned(owner: string): Generator<undefined, PendingPod[]> {
    const owned = [...(this.#owned.get(owner) ?? [])];
    const taken: PendingPod[] = [];
    for (const entry of yield* sortInParts(owned, bestFirst)) {
      if (entry.state !== 'deciding' && entry.state !== 'gone') taken.push(this.#take(entry));
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
    entry.helps = this.#helps;
    entry.peerHelps = undefined;
    entry.state = 'waiting';
    this.#waiting.add(entry);
    this.#nextMs = Math.min(this.#nextMs, entry.retryAtMs);
  }

  /** Something changed that could make room: everything that waits is tried again as soon as it may. */
  help(): void {
    this.#helps += 1;
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /** Tried again although nothing is known to have changed, as soon as it may. */
  helpOne(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.helped = true;
    this.#nextMs = Math.min(this.#nextMs, entry.helpedAtMs);
  }

  /** Not decided after all: tried again as soon as it may. */
  again(uid: string, nowMs: number): void {
    this.wait(uid, nowMs);
    this.helpOne(uid);
  }

  /** To be called after `wait`: it could go where somebody it wants to be near has gone. */
  waitForPeers(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry?.state === 'waiting') entry.peerHelps = this.#peerHelps;
  }

  /** An instance was placed. */
  helpPeers(): void {
    this.#peerHelps += 1;
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  /** Makes active what is due; returns when the next is, Infinity when nothing waits. Pauses, because many may wait. */
  *advance(nowMs: number): Generator<undefined, number> {
    if (nowMs < this.#nextMs) return this.#nextMs;
    // Who comes, or is helped, in the pauses brings this forward again.
    this.#nextMs = Number.POSITIVE_INFINITY;
    let seen = 0;
    for (const entry of this.#waiting) {
      const dueMs = this.#isHelped(entry) ? entry.helpedAtMs : entry.retryAtMs;
      if (dueMs <= nowMs) this.#activate(entry);
      else this.#nextMs = Math.min(this.#nextMs, dueMs);
      seen += 1;
      if (seen % partSize === 0) yield;
    }
    return this.#nextMs;
  }

  #isHelped({ helped, helps, peerHelps = this.#peerHelps }: Entry): boolean {
    return helped || helps < this.#helps || peerHelps < this.#peerHelps;
  }

  #take(entry: Entry): PendingPod {
    this.#waiting.delete(entry);
    entry.state = 'deciding';
    const { uid, key, refusals } = entry;
    return { uid, key, refusals };
  }

  #activate(entry: Entry): void {
    this.#waiting.delete(entry);
    entry.state = 'active';
    this.#active.push(entry);
  }
}

function bestFirst(a: Entry, b: Entry): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}
