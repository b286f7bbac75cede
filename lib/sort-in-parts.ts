/** Sorts many, with pauses. */

/** What is sorted, or merged, in one part. */
const partSize = 512;

/** As `toSorted`: equals stay in their order. */
export function* sortInParts<T>(
  items: readonly T[],
  order: (a: T, b: T) => number,
): Generator<undefined, readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += partSize) {
    runs.push(items.slice(from, from + partSize).sort(order));
    yield;
  }
  while (runs.length > 1) {
    const longer: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      longer.push(yield* merge(runs[at] ?? [], runs[at + 1] ?? [], order));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merge<T>(
  a: readonly T[],
  b: readonly T[],
  order: (a: T, b: T) => number,
): Generator<undefined, readonly T[]> {
  const merged: T[] = [];
  let at = 0;
  for (const next of b) {
    for (; at < a.length && order(a[at] as T, next) <= 0; at += 1) {
      merged.push(a[at] as T); // Within its length.
      if (merged.length % partSize === 0) yield;
    }
    merged.push(next);
    if (merged.length % partSize === 0) yield;
  }
  for (; at < a.length; at += 1) {
    merged.push(a[at] as T); // As above.
    if (merged.length % partSize === 0) yield;
  }
  return merged;
}
