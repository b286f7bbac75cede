/** Fields that Kubernetes has and Berth keeps without acting on them: whoever sets one is told. */

import { asArray, asObject, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';

/** At most this many warnings for one request. */
const maxWarnings = 20;

/** One text per field that `object` sets and `old` did not; `paths` are like `spec.containers[].x`. */
export function ignoredFieldWarnings(
  object: JsonObject,
  old: JsonObject | undefined,
  paths: readonly string[],
): string[] {
  const warnings: string[] = [];
  if (!setsAny(object, branchesOf(paths))) return warnings;
  for (const path of paths) {
    const parts = path.split('.');
    for (const [where, value] of find(object, parts, '')) {
      if (warnings.length >= maxWarnings) return warnings;
      if (isEmpty(value)) continue;
      if (
        old !== undefined &&
        [...find(old, parts, '')].some(([at, v]) => at === where && equal(v, value))
      )
        continue;
      warnings.push(`${where}: kept, but Berth does not act on this field yet`);
    }
  }
  return warnings;
}

/** The paths as a tree; where one ends is a branch named `end`. */
type Branches = Map<string, Branches>;
/** No field has this name. */
const end = '';

const trees = new WeakMap<readonly string[], Branches>();

function branchesOf(paths: readonly string[]): Branches {
  const known = trees.get(paths);
  if (known !== undefined) return known;
  const root: Branches = new Map();
  for (const path of paths) {
    let at = root;
    for (const part of path.split('.')) {
      const name = part.endsWith('[]') ? part.slice(0, -2) : part;
      const next: Branches = at.get(name) ?? new Map();
      at.set(name, next);
      at = next;
    }
    at.set(end, new Map());
  }
  trees.set(paths, root);
  return root;
}

/** Most objects set none of them, which one look at the object tells; it may say yes for what is set to nothing. */
function setsAny(value: JsonValue | undefined, branches: Branches): boolean {
  if (Array.isArray(value)) return value.some((item) => setsAny(item, branches));
  const object = asObject(value);
  if (object === undefined) return false;
  for (const name of Object.keys(object)) {
    const below = branches.get(name);
    if (below !== undefined && (below.has(end) || setsAny(object[name], below))) return true;
  }
  return false;
}

function* find(
  value: JsonValue | undefined,
  parts: readonly string[],
  where: string,
): Generator<readonly [string, JsonValue]> {
  const [part, ...rest] = parts;
  if (part === undefined) {
    if (value !== undefined && value !== null) yield [where, value];
    return;
  }
  const list = part.endsWith('[]');
  const field = list ? part.slice(0, -2) : part;
  const next = asObject(value)?.[field];
  const path = where === '' ? field : `${where}.${field}`;
  if (!list) {
    yield* find(next, rest, path);
    return;
  }
  for (const [index, item] of asArray(next).entries()) yield* find(item, rest, `${path}[${index}]`);
}

function isEmpty(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
