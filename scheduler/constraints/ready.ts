import type { TraitConstraint } from './constraint.ts';

/** Only a node whose agent reports Ready=True is given anything; no toleration helps. */
export const ready: TraitConstraint = {
  type: 'traits',
  name: 'ready',
  refuse: (_, traits) =>
    traits.ready === 'True'
      ? undefined
      : {
          type: 'rule',
          rule: 'ready',
          reason: `node(s) were not ready (Ready=${traits.ready})`,
          changes: [{ type: 'ready' }],
        },
};
