/** How long a pod may stay on a node with a NoExecute taint. Pure. */
import type { Pod, Taint } from '../../api/kinds.gen.ts';
import { tolerates } from '../../api/node-fit.ts';
import { isHealthTaint } from './node-health.ts';

/**
 * Milliseconds that the pod may stay after the taint appeared: 0 when it does not tolerate it,
 * infinity when it does for ever. Pods usually say how long: admission (DefaultTolerationSeconds) sees to
 * it. Those that say nothing, because they are older or that plugin is off, stay for `defaultMs`.
 */
export function toleratedMs({ spec }: Pod, taint: Taint, defaultMs: number): number {
  const found = (spec.tolerations ?? []).find((each) => tolerates(each, taint));
  if (found === undefined) return isHealthTaint(taint) ? defaultMs : 0;
  const { tolerationSeconds } = found;
  if (tolerationSeconds === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(tolerationSeconds, 0) * 1_000;
}
