/**
 * Numbered instances: each ordinal has one name, and its next instance is made only when the one
 * before is gone. Updates replace in place, highest ordinal first.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import {
  isCurrent,
  isUpdating,
  type Plan,
  type PodName,
  passMax,
  provenOf,
  type Situation,
} from './plan.ts';
import { isAvailable, isEnded } from './pod-state.ts';

export function planStable(situation: Situation): Plan {
  const { desired, pods, resting, nameOf, hash } = situation;
  const ordered = [...pods].sort((a, b) => ordinalOf(a) - ordinalOf(b));
  const isWanted = (pod: Pod) =>
    ordinalOf(pod) < desired.count && pod.metadata.name === nameOf(ordinalOf(pod), hash);
  const wanted = ordered.filter(isWanted);
  const surplus = ordered.filter((pod) => !isWanted(pod)).reverse();
  const missing = missingOf(situation, wanted);
  const ended = wanted.filter((pod) => isEnded(pod) && !resting.has(pod.metadata.uid ?? ''));
  const create = templatesOf(situation, missing, wanted);
  const remove = [...surplus, ...ended, ...replaced(situation, create, wanted)];
  return { create, remove: remove.filter((pod) => pod.metadata.deletionTimestamp === undefined) };
}

/** The lowest ordinals that nobody has. */
function missingOf({ desired, nameOf, hash }: Situation, wanted: readonly Pod[]): PodName[] {
  const taken = new Set(wanted.map(({ metadata }) => metadata.name));
  const missing: PodName[] = [];
  for (let ordinal = 0; ordinal < desired.count && missing.length < passMax; ordinal += 1) {
    const name = nameOf(ordinal, hash);
    if (!taken.has(name)) missing.push({ name, ordinal });
  }
  return missing;
}

/** Of which template each missing one is made, the highest first of the new one. */
function templatesOf(
  situation: Situation,
  missing: readonly PodName[],
  wanted: readonly Pod[],
): readonly PodName[] {
  const { hash, fallback = hash } = situation;
  let trials = isUpdating(situation) ? trialsLeft(situation, wanted) : 0;
  const made = [...missing].reverse().map((name) => {
    const isNew = trials > 0;
    trials -= 1;
    return { ...name, hash: isNew ? hash : fallback };
  });
  return made.reverse();
}

/** How many more may be of the new template without being available yet. */
function trialsLeft(situation: Situation, wanted: readonly Pod[]): number {
  const { hash, fallback, desired } = situation;
  if (fallback === undefined) return desired.count;
  const proven = new Set(provenOf(wanted, situation));
  const onTrial = wanted.filter((pod) => {
    const going = pod.metadata.deletionTimestamp !== undefined;
    return going || (isCurrent(pod, hash) && !proven.has(pod));
  });
  return desired.maxUnavailable - onTrial.length;
}

/** Those of an older template that can be spared now; `wanted` is in order of ordinals. */
function replaced(
  situation: Situation,
  create: readonly PodName[],
  wanted: readonly Pod[],
): readonly Pod[] {
  if (!isUpdating(situation)) return [];
  const { desired, hash, nowMs } = situation;
  const { count, minReadySeconds, maxUnavailable } = desired;
  const isGood = (pod: Pod) => isAvailable(pod, minReadySeconds, nowMs);
  const proven = new Set(provenOf(wanted, situation));
  const available = new Set(
    wanted.filter((pod) => (isCurrent(pod, hash) ? proven.has(pod) : isGood(pod))),
  );
  const old = wanted.filter((pod) => !isCurrent(pod, hash) && !isEnded(pod)).reverse();
  const live = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const made = create.filter((name) => name.hash === hash).length;
  const trials = Math.max(trialsLeft(situation, wanted) - made, 0);
  // One that is not available is missing already: replacing it costs nothing.
  const broken = live.filter((pod) => !available.has(pod)).slice(0, trials);
  const budget = Math.min(maxUnavailable - (count - available.size), trials - broken.length);
  const spared = live.filter((pod) => available.has(pod)).slice(0, Math.max(budget, 0));
  return [...broken, ...spared];
}

/** The number at the end of the name. */
function ordinalOf({ metadata }: Pod): number {
  const { name = '' } = metadata;
  return Number(name.slice(name.lastIndexOf('-') + 1));
}
