/** What containers get that do not say what they need. Source: Kubernetes LimitRanger (v1.32). */
import { asArray, asObject, asString, at, child, copyOf, objectsOf } from '../../../api/json.ts';
import type { JsonObject } from '../../../api/meta.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** The pod with the defaults of the ranges, or `undefined` when it lacks nothing. */
export function withDefaults(
  pod: JsonObject,
  ranges: readonly JsonObject[],
): JsonObject | undefined {
  const items = ranges.map((range) =>
    objectsOf(at(range, 'spec', 'limits')).filter(({ type }) => type === 'Container'),
  );
  if (items.every((each) => each.length === 0)) return undefined;
  const changed = copyOf(pod);
  const told: string[] = [];
  for (const limits of items) {
    const requests = Object.assign({}, ...limits.map((limit) => limit['defaultRequest']));
    const most = Object.assign({}, ...limits.map((limit) => limit['default']));
    const toldOfRange = [
      ...fill(changed, 'containers', 'container', { requests, limits: most }),
      ...fill(changed, 'initContainers', 'init container', { requests, limits: most }),
    ];
    // The last range that had something to add is the one that is told, as upstream.
    if (toldOfRange.length > 0) told.splice(0, told.length, ...toldOfRange);
  }
  if (told.length === 0) return undefined;
  const annotations = child(child(changed, 'metadata'), 'annotations');
  annotations[annotation] = `LimitRanger plugin set: ${told.join('; ')}`;
  return changed;
}

interface Defaults {
  readonly requests: JsonObject;
  readonly limits: JsonObject;
}

function fill(pod: JsonObject, list: string, word: string, defaults: Defaults): string[] {
  return asArray(at(pod, 'spec', list)).flatMap((value) => {
    const container = asObject(value);
    if (container === undefined) return [];
    const resources = { ...asObject(container['resources']) };
    const own = asObject(resources['limits']) ?? {};
    // Its own limits come before the defaults of others.
    const given: Defaults = {
      requests: { ...own, ...asObject(resources['requests']) },
      limits: own,
    };
    const told: string[] = [];
    for (const each of ['requests', 'limits'] as const) {
      const missing = Object.keys(defaults[each]).filter((name) => given[each][name] === undefined);
      if (missing.length === 0) continue;
      resources[each] = { ...defaults[each], ...given[each] };
      const what = each === 'requests' ? 'request' : 'limit';
      told.push(`${missing.sort().join(', ')} ${what} for ${word} ${asString(container['name'])}`);
    }
    if (told.length > 0) container['resources'] = resources;
    return told;
  });
}
