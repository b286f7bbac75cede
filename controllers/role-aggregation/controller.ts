/**
 * Fills ClusterRoles that have an `aggregationRule` with the rules of those it selects, in the order of their
 * names. Source: kubernetes pkg/controller/clusterroleaggregation.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ClusterRole } from '../../api/kinds.gen.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import { keyOf } from '../../api/meta.ts';
import { clusterRoles } from '../../api/resources.gen.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';

type Rule = NonNullable<ClusterRole['rules']>[number];

export function roleAggregationController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<ClusterRole> {
  const roles = informers.for<ClusterRole>(clusterRoles);
  return defineController<ClusterRole>({
    name: 'clusterrole-aggregation-controller',
    for: clusterRoles,
    observedGeneration: false,
    watches: [
      {
        resource: clusterRoles,
        // Whom it counted for before is as important as whom it counts for now: all are looked at.
        keys: () => roles.list().filter(aggregates).map(keyOf),
      },
    ],
    reconcile: async (_key, ctx) => {
      if (aggregates(ctx.object)) await aggregate(ctx, roles.list());
      return undefined;
    },
  });
}

function aggregates({ aggregationRule }: ClusterRole): boolean {
  return aggregationRule !== undefined;
}

async function aggregate(
  { object, client, signal, log }: Reconcile<ClusterRole>,
  all: readonly ClusterRole[],
): Promise<void> {
  const rules = gathered(object, all);
  if (isDeepStrictEqual(rules, object.rules ?? [])) return;
  // A replacement, so that a role that was changed meanwhile is read again and not overwritten.
  await client.update<ClusterRole>(clusterRoles, { ...object, rules }, { signal });
  log.info({ rules: rules.length }, 'cluster role aggregated');
}

/** The rules of all selected roles, each once. */
export function gathered(role: ClusterRole, all: readonly ClusterRole[]): Rule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(fromLabelSelectorObject);
  const chosen = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => selectors.some((each) => each.matches(metadata.labels ?? {})))
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const rules = new Map<string, Rule>();
  for (const each of chosen)
    for (const rule of each.rules ?? []) rules.set(JSON.stringify(rule), rule);
  return [...rules.values()];
}

function nameOf({ metadata }: ClusterRole): string {
  return metadata.name ?? '';
}
