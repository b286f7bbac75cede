/** Default roles and bindings after an upgrade: what this version adds is added, nothing is taken away. Source: upstream's RBAC reconciliation. */
import { isDeepStrictEqual } from 'node:util';
import { asArray, asObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';

/** `"false"` on a default role or binding: it is somebody's own and is left as it is. */
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';

/** `stored` with what `wanted` has more; `undefined` when there is nothing to add. */
export function reconciledRole(stored: JsonObject, wanted: JsonObject): JsonObject | undefined {
  const metadata = asObject(stored['metadata']) ?? {};
  if (asObject(metadata['annotations'])?.[autoupdate] === 'false') return undefined;
  const labels = {
    ...asObject(metadata['labels']),
    ...asObject(asObject(wanted['metadata'])?.['labels']),
  };
  const next: JsonObject = {
    ...stored,
    metadata: { ...metadata, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
  };
  const { aggregationRule } = wanted;
  if (aggregationRule !== undefined) next['aggregationRule'] ??= aggregationRule;
  for (const field of ['rules', 'subjects']) {
    // A controller gathers the rules of a role that sums others.
    if (wanted[field] === undefined || (field === 'rules' && aggregationRule !== undefined))
      continue;
    next[field] = withMissing(asArray(stored[field]), asArray(wanted[field]));
  }
  return isDeepStrictEqual(next, stored) ? undefined : next;
}

function withMissing(have: readonly JsonValue[], want: readonly JsonValue[]): JsonValue[] {
  const missing = want.filter((each) => !have.some((other) => isDeepStrictEqual(each, other)));
  return [...have, ...missing];
}
