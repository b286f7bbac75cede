/** Neighbours of one key, which every node answers alike, so that they are decided as one batch. Pure. */
export function runsOfOne<T>(
  candidates: readonly T[],
  keyOf: (candidate: T) => string,
): readonly T[][] {
  const runs: T[][] = [];
  let last: string | undefined;
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    if (key === last) runs.at(-1)?.push(candidate);
    else runs.push([candidate]);
    last = key;
  }
  return runs;
}
