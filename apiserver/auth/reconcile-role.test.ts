import { describe, expect, it } from 'vitest';
import { reconciledRole } from './reconcile-role.ts';

const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const nodes = { apiGroups: [''], resources: ['nodes'], verbs: ['get'] };
const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
const role = (rules: object[], metadata: object = {}) =>
  ({ kind: 'ClusterRole', metadata: { name: 'x', ...metadata }, rules }) as never;

describe('a default role after an upgrade', () => {
  it('gets what is new, and keeps what was added by hand', () => {
    const next = reconciledRole(role([pods, secrets]), role([pods, nodes]));
    expect(next?.['rules']).toEqual([pods, secrets, nodes]);
  });

  it('is not written when nothing is missing', () => {
    expect(reconciledRole(role([pods, nodes]), role([nodes]))).toBeUndefined();
  });

  it('is left alone when its owner says so', () => {
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    expect(reconciledRole(role([pods], { annotations }), role([nodes]))).toBeUndefined();
  });

  it('becomes a sum of others where this version has it so, and its rules stay the sum', () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const wanted = { ...(role([nodes], { labels: { a: 'c' } }) as object), aggregationRule };
    const next = reconciledRole(role([pods]), wanted as never);
    expect(next).toMatchObject({ aggregationRule, metadata: { labels: { a: 'c' } } });
    expect(next?.['rules']).toEqual([pods]);
  });

  it('of bindings: subjects are added', () => {
    const binding = (...names: string[]) =>
      ({
        metadata: { name: 'x' },
        subjects: names.map((name) => ({ kind: 'Group', name })),
      }) as never;
    expect(reconciledRole(binding('a', 'b'), binding('c'))?.['subjects']).toHaveLength(3);
  });
});
