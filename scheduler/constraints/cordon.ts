import { tolerates } from '../../api/node-fit.ts';
import type { Toleration } from '../engine/request.ts';
import type { TraitConstraint } from './constraint.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' } as const;

/** A cordoned node takes nothing new, except what tolerates exactly that. */
export const cordon: TraitConstraint = {
  type: 'traits',
  name: 'cordon',
  refuse: ({ tolerations }, { unschedulable }) => {
    if (!unschedulable || tolerations.some((t: Toleration) => tolerates(t, taint)))
      return undefined;
    return {
      type: 'rule',
      rule: 'cordon',
      reason: 'node(s) were unschedulable',
      changes: [{ type: 'uncordon' }],
    };
  },
};
