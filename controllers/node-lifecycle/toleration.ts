/** How long a pod may stay on a node with a NoExecute taint. Pure. */
import type { Pod, Taint, Toleration } from '../../api/kinds.gen.ts';
import { isHealthTaint } from './node-health.ts';

/**
 * Milliseconds that the pod may stay after the taint appeared: 0 when it does not tolerate it,
 * infinity when it does for ever. Pods that say nothing about a node's health stay for `defaultMs`,
 * as if upstream's DefaultTolerationSeconds had admitted them.
 */
export function toleratedMs({ spec }: Pod, taint: Taint, defaultMs: number): number {
  const found = (spec.tolerations ?? []).find((each) => tolerates(each, taint));
  if (found === undefined) return isHealthTaint(taint) ? defaultMs : 0;
  const { tolerationSeconds } = found;
  if (tolerationSeconds === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(tolerationSeconds, 0) * 1_000;
}

function tolerates({ key = '', operator, value, effect = '' }: Toleration, taint: Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return key !== '' && (value ?? '') === (taint.value ?? '');
}
