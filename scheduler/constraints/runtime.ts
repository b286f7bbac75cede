import type { TraitConstraint } from './constraint.ts';

/** The node must have the runtime that the instance names. */
export const runtime: TraitConstraint = {
  type: 'traits',
  name: 'runtime',
  refuse: (request, traits) =>
    traits.runtimes.includes(request.runtime)
      ? undefined
      : {
          type: 'rule',
          rule: 'runtime',
          reason: `node(s) didn't have the runtime ${request.runtime}`,
          changes: [{ type: 'runtime', runtime: request.runtime }],
        },
};
