/** Versions of the CNI specification. Pure. */

/** Whose results are understood; older ones have another shape. */
export const knownVersions: readonly string[] = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

export function isKnownVersion(version: string): boolean {
  return knownVersions.includes(version);
}

/** Below zero when `a` is the older one. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((each) => each.split('.').map(Number));
  for (let at = 0; at < 3; at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Source: specification; CHECK, and the result handed to DEL, came with 0.4.0, GC with 1.1.0. */
export function hasCheck(version: string): boolean {
  return compareVersions(version, '0.4.0') >= 0;
}

export function hasGc(version: string): boolean {
  return compareVersions(version, '1.1.0') >= 0;
}
