import { tolerates } from '../../api/node-fit.ts';
import type { NodeTraits, Taint } from '../engine/request.ts';
import type { TraitConstraint, TraitsAsker } from './constraint.ts';

/**
 * Taints and tolerations. NoSchedule and NoExecute refuse, PreferNoSchedule is a dislike.
 * Source: Kubernetes documentation, "Taints and Tolerations".
 */
export const taints: TraitConstraint = {
  type: 'traits',
  name: 'taints',
  refuse: (request, traits) => {
    const untolerated = untoleratedTaints(request, traits).filter(
      (taint) => taint.effect !== 'PreferNoSchedule',
    );
    const first = untolerated[0];
    if (first === undefined) return undefined;
    return {
      type: 'rule',
      rule: 'taints',
      reason: `node(s) had untolerated taint {${first.key}: ${first.value}}`,
      changes: untolerated.map(({ key, value, effect }) => ({
        type: 'untaint',
        key,
        value,
        effect,
      })),
    };
  },
  dislike: (request, traits) =>
    untoleratedTaints(request, traits).filter((taint) => taint.effect === 'PreferNoSchedule')
      .length,
};

/** What the other constraints say better is left to them. */
function untoleratedTaints({ tolerations }: TraitsAsker, traits: NodeTraits): readonly Taint[] {
  if (traits.taints.length === 0) return traits.taints;
  return traits.taints.filter((taint) => {
    if (traits.unschedulable && taint.key === 'node.kubernetes.io/unschedulable') return false;
    if (traits.ready !== 'True' && readinessTaints.has(taint.key)) return false;
    return !tolerations.some((toleration) => tolerates(toleration, taint));
  });
}

const readinessTaints = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);
