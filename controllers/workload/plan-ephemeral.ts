/**
 * Instances that are alike: new ones under new names, old ones go as new ones become available.
 * Never fewer available than `count - maxUnavailable` by our doing, never more than `count + maxSurge`.
 * Source: kubernetes pkg/controller/deployment/rolling.go.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { deletionOrder } from './deletion-order.ts';
import { countAvailable, isCurrent, type Plan, type PodName, type Situation } from './plan.ts';
import { isActive, isAvailable, isEnded } from './pod-state.ts';

export function planEphemeral(situation: Situation): Plan {
  const { desired, hash, pods, resting } = situation;
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ended = live.filter(isEnded);
  const rested = ended.filter((pod) => !resting.has(pod.metadata.uid ?? ''));
  // A pod that rests keeps its place, so that nothing is made in its stead before it is time.
  const held = ended.length - rested.length;
  const active = live.filter(isActive);
  const current = active.filter((pod) => isCurrent(pod, hash));
  const old = active.filter((pod) => !isCurrent(pod, hash));
  // Held and stopped workloads are not updated: their old instances count as good.
  const updating = desired.running && !desired.paused && old.length > 0;
  const { missing, surplus } = updating
    ? update(situation, current, old, held)
    : scale(desired.count - held, current, old);
  return { create: newNames(missing, situation), remove: [...rested, ...surplus] };
}

interface Change {
  readonly missing: number;
  readonly surplus: readonly Pod[];
}

function scale(count: number, current: readonly Pod[], old: readonly Pod[]): Change {
  const excess = current.length + old.length - count;
  if (excess <= 0) return { missing: -excess, surplus: [] };
  return {
    missing: 0,
    surplus: [...deletionOrder(old), ...deletionOrder(current)].slice(0, excess),
  };
}

function update(
  situation: Situation,
  current: readonly Pod[],
  old: readonly Pod[],
  held: number,
): Change {
  const { desired, nowMs } = situation;
  const { count, maxSurge, maxUnavailable, minReadySeconds } = desired;
  const room = count + maxSurge - current.length - old.length - held;
  const missing = Math.max(Math.min(count - current.length - held, room), 0);
  const excess = deletionOrder(current).slice(0, Math.max(current.length - count, 0));
  const kept = current.filter((pod) => !excess.includes(pod));

  const minAvailable = count - maxUnavailable;
  const keptAvailable = countAvailable(kept, situation);
  // New ones that are not yet available are counted on, so that a bad template stops the update.
  const spare = kept.length + old.length - minAvailable - (kept.length - keptAvailable);
  const order = deletionOrder(old);
  const available = order.filter((pod) => isAvailable(pod, minReadySeconds, nowMs));
  const unavailable = order.filter((pod) => !available.includes(pod));
  const broken = unavailable.slice(0, Math.max(spare, 0));
  const sparable = Math.max(keptAvailable + available.length - minAvailable, 0);
  return { missing, surplus: [...excess, ...broken, ...available.slice(0, sparable)] };
}

/** The first free slots. Names depend on the slot only, so a stale cache can not make a second pod. */
function newNames(missing: number, { nameOf, isTaken }: Situation): readonly PodName[] {
  const names: PodName[] = [];
  const chosen = new Set<string>();
  for (let slot = 0; names.length < missing; slot += 1) {
    const name = nameOf(slot);
    if (chosen.has(name) || isTaken(name)) continue;
    chosen.add(name);
    names.push({ name });
  }
  return names;
}
