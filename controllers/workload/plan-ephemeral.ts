/**
 * Instances that are alike: new ones under new names, old ones go as new ones become available.
 * Never fewer available than `count - maxUnavailable` by our doing, never more than `count + maxSurge`.
 * Source: kubernetes pkg/controller/deployment/rolling.go.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { deletionOrder } from './deletion-order.ts';
import {
  isCurrent,
  isUpdating,
  type Plan,
  type PodName,
  passMax,
  provenOf,
  type Situation,
} from './plan.ts';
import { isActive, isAvailable, isEnded } from './pod-state.ts';

export function planEphemeral(situation: Situation): Plan {
  const { hash, fallback = hash, pods, resting } = situation;
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ended = live.filter(isEnded);
  const rested = ended.filter((pod) => !resting.has(pod.metadata.uid ?? ''));
  // A pod that rests keeps its place, so that nothing is made in its stead before it is time.
  const held = ended.length - rested.length;
  const active = live.filter(isActive);
  const current = active.filter((pod) => isCurrent(pod, hash));
  const old = active.filter((pod) => !isCurrent(pod, hash));
  const updating = isUpdating(situation);
  // Held and stopped workloads are not updated: their old instances count as good.
  if (updating && (old.length > 0 || fallback !== hash)) {
    const { missing, restored, surplus } = update(situation, current, old, held);
    const names = [
      ...newNames(missing, hash, situation),
      ...newNames(restored, fallback, situation),
    ];
    return { create: names, remove: [...rested, ...surplus] };
  }
  const { missing, surplus } = scale(situation, current, old, held);
  const names = newNames(missing, updating ? hash : fallback, situation);
  return { create: names, remove: [...rested, ...surplus] };
}

interface Change {
  readonly missing: number;
  readonly surplus: readonly Pod[];
}

function scale(
  situation: Situation,
  current: readonly Pod[],
  old: readonly Pod[],
  held: number,
): Change {
  const { desired, nowMs } = situation;
  const { count, eligible, maxSurge, minReadySeconds, paused } = desired;
  const excess = current.length + old.length + held - count;
  // A rollout that is paused half way keeps what it has on trial.
  const halfWay = paused && old.length > 0 && current.length > 0;
  const spared = excess - (halfWay ? maxSurge : 0);
  if (excess <= 0 || spared <= 0) return { missing: Math.max(-excess, 0), surplus: [] };
  const order = [...deletionOrder(old), ...deletionOrder(current)];
  const good = order.filter((pod) => isAvailable(pod, minReadySeconds, nowMs));
  const bad = order.filter((pod) => !good.includes(pod));
  const misplaced = order.filter(({ spec }) => eligible?.has(spec.nodeName ?? '') === false);
  const surplus = new Set([...misplaced, ...bad, ...good]);
  return { missing: 0, surplus: [...surplus].slice(0, spared) };
}

interface Update extends Change {
  /** Lost ones that are made of the old template again. */
  readonly restored: number;
}

function update(
  situation: Situation,
  current: readonly Pod[],
  old: readonly Pod[],
  held: number,
): Update {
  const { desired, fallback, nowMs } = situation;
  const { count, maxSurge, maxUnavailable, minReadySeconds } = desired;
  const excess = deletionOrder(current).slice(0, Math.max(current.length - count, 0));
  const kept = current.filter((pod) => !excess.includes(pod));
  const keptAvailable = provenOf(kept, situation).length;
  const minAvailable = count - maxUnavailable;

  const room = count + maxSurge - current.length - old.length - held;
  // So many may be on trial: what is lost while they do not become available is restored as it was.
  const onTrial = kept.length - keptAvailable;
  const trials = fallback === undefined ? room : maxSurge + maxUnavailable - onTrial;
  const missing = Math.max(Math.min(count - current.length - held, room, trials), 0);
  const short = minAvailable - keptAvailable - old.length;
  const restored = fallback === undefined ? 0 : Math.max(Math.min(room - missing, short), 0);

  // New ones that are not yet available are counted on, so that a bad template stops the update.
  const spare = kept.length + old.length - minAvailable - onTrial;
  const order = deletionOrder(old);
  const available = order.filter((pod) => isAvailable(pod, minReadySeconds, nowMs));
  const unavailable = order.filter((pod) => !available.includes(pod));
  const broken = unavailable.slice(0, Math.max(spare, 0));
  const sparable = Math.max(keptAvailable + available.length - minAvailable, 0);
  const surplus = [...excess, ...broken, ...available.slice(0, sparable)];
  return { missing, restored, surplus };
}

/** The first free slots. Names depend on the slot only, so a stale cache can not make a second pod. */
function newNames(
  missing: number,
  hash: string,
  { nameOf, isTaken }: Situation,
): readonly PodName[] {
  const names: PodName[] = [];
  const chosen = new Set<string>();
  for (let slot = 0; names.length < Math.min(missing, passMax); slot += 1) {
    const name = nameOf(slot, hash);
    if (chosen.has(name) || isTaken(name)) continue;
    chosen.add(name);
    names.push({ name, hash });
  }
  return names;
}
