/** Who depends on whom, by name. Pure. */

export type EdgesOf = (name: string) => readonly string[];

/** The circle that `start` is on, as `a → b → a`; the shortest. `undefined` when there is none. */
export function cycleFrom(start: string, edgesOf: EdgesOf): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue) {
    for (const next of edgesOf(name)) {
      if (next === start) return [...pathTo(name, start, cameFrom), start];
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, name);
      queue.push(next);
    }
  }
  return undefined;
}

function pathTo(name: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const path = [name];
  for (let at = name; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    path.unshift(at);
  }
  return path;
}

/** Whether `from` depends on `to`, over however many others. */
export function reaches(from: string, to: string, edgesOf: EdgesOf): boolean {
  const seen = new Set<string>();
  const queue = [from];
  for (const name of queue) {
    for (const next of edgesOf(name)) {
      if (next === to) return true;
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
  return false;
}
