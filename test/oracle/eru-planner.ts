/**
 * How Eru plans bound cores, written after the description of its behaviour (its faults included, its panics and its
 * order of cores by text left out) and apart from Berth's planner, to make cases that nobody recorded.
 */

export interface Core {
  readonly core: number;
  pieces: number;
}

/** Pieces by core. */
export type EruPlan = ReadonlyMap<number, number>;

export interface EruCase {
  readonly free: readonly number[];
  /** What the instance held, and has given back to `free`; empty: a new one. */
  readonly held: readonly { readonly core: number; readonly pieces: number }[];
  readonly pieces: number;
  readonly maxshare: number;
}

/** All plans, in its order. */
export function eruPlans({ free, held, pieces, maxshare }: EruCase): readonly EruPlan[] {
  const whole = Math.floor(pieces / 100);
  const fragment = pieces % 100;
  const isFull = (left: number) => left >= 100 && left % 100 === 0;
  const cores = free.map((left, core) => ({ core, pieces: left })).filter((c) => c.pieces > 0);
  const near = held.length > 0;
  const fulls = inOrder(
    cores.filter((c) => isFull(c.pieces)),
    held.filter((c) => isFull(c.pieces)),
  );
  const parts = inOrder(
    cores.filter((c) => !isFull(c.pieces)),
    held.filter((c) => !isFull(c.pieces)),
  );
  const sharable = fulls.length + parts.length - whole;
  const most = maxshare < 0 ? sharable : Math.min(sharable, maxshare);
  const turns = Math.max(0, Math.min(most - parts.length, fulls.length));
  if (fragment === 0) return wholePlans(fulls, whole, near);
  if (whole === 0) return fragmentPlans([...parts, ...fulls.slice(0, turns)], fragment);
  let best: readonly EruPlan[] = [];
  for (let turned = 0; turned <= turns; turned += 1) {
    const wholes = wholePlans(fulls.slice(turned), whole, near);
    const fragments = fragmentPlans([...parts, ...fulls.slice(0, turned)], fragment);
    const count = Math.min(wholes.length, fragments.length);
    if (count <= best.length) continue;
    best = wholes.slice(0, count).map((plan, i) => new Map([...plan, ...(fragments[i] ?? [])]));
  }
  return best;
}

/** Least free first; what was held comes before, least held first. */
function inOrder(cores: readonly Core[], held: EruCase['held']): Core[] {
  const order = (a: Core, b: Core) => a.pieces - b.pieces || a.core - b.core;
  const before = [...held].sort(order).map(({ core }) => core);
  const rank = ({ core }: Core) =>
    before.includes(core) ? before.indexOf(core) : Number.MAX_SAFE_INTEGER;
  return [...cores].sort(order).sort((a, b) => rank(a) - rank(b));
}

function fragmentPlans(cores: readonly Core[], fragment: number): EruPlan[] {
  return cores.flatMap(({ core, pieces }) =>
    Array.from({ length: Math.floor(pieces / fragment) }, () => new Map([[core, fragment]])),
  );
}

function wholePlans(cores: readonly Core[], whole: number, near: boolean): EruPlan[] {
  return near ? cutPlans(cores, whole) : freestPlans(cores, whole);
}

/** Cut off the list from its front; what is left of the cores begins the next round. */
function cutPlans(cores: readonly Core[], whole: number): EruPlan[] {
  const plans: EruPlan[] = [];
  let list = cores.map((core) => ({ ...core }));
  while (list.length >= whole) {
    const groups = Math.floor(list.length / whole);
    const used = list.slice(0, groups * whole);
    for (let i = 0; i < groups; i += 1) {
      const group = used.slice(i * whole, (i + 1) * whole);
      plans.push(new Map(group.map(({ core }) => [core, 100])));
    }
    for (const core of used) core.pieces -= 100;
    list = [...used.filter(({ pieces }) => pieces > 0), ...list.slice(groups * whole)];
  }
  return plans;
}

/** Always the freest cores, the larger number among equals; then plans on the busiest cores first. */
function freestPlans(cores: readonly Core[], whole: number): EruPlan[] {
  const left = cores.map((core, position) => ({ ...core, position }));
  const plans: { readonly plan: EruPlan; readonly sum: number }[] = [];
  for (;;) {
    const usable = left.filter(({ pieces }) => pieces > 0);
    if (usable.length < whole) break;
    const taken = usable.sort((a, b) => b.pieces - a.pieces || b.core - a.core).slice(0, whole);
    for (const core of taken) core.pieces -= 100;
    const sum = taken.reduce((all, { position }) => all + position, 0);
    plans.push({ plan: new Map(taken.map(({ core }) => [core, 100])), sum });
  }
  return plans.sort((a, b) => a.sum - b.sum).map(({ plan }) => plan);
}
