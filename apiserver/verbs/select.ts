/** Label and field selectors of a list or watch, as one test over stored objects. */
import { parseFieldSelector } from '../../api/field-selector.ts';
import { asObject, asString } from '../../api/json.ts';
import { compileJsonPath } from '../../api/jsonpath.ts';
import { parseLabelSelector } from '../../api/label-selector.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest } from '../../api/status.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { metadataOf, metaString } from '../storage/cached.ts';
import type { KindRequest } from './deps.ts';

export interface Selection {
  /** Whether every object matches. */
  readonly everything: boolean;
  matches(object: JsonObject): boolean;
}

export function selectionOf({ request, kind, info }: KindRequest): Selection {
  // `/watch/<resource>/<name>` and `list` of one name are selections, too.
  return selectionOver(request.query, fieldGetters(kind), info.name, kind.builtin);
}

/** Over objects of any origin, by the fields that `getters` knows. An empty `onlyName` is any. */
export function selectionOver(
  query: URLSearchParams,
  getters: Getters,
  onlyName: string,
  builtin = true,
): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  for (const { field } of fields.requirements)
    if (getters[field] === undefined) throw unknownField(field, builtin, getters);
  return {
    everything:
      labels.requirements.length === 0 && fields.requirements.length === 0 && onlyName === '',
    matches: (object) =>
      (onlyName === '' || metaString(object, 'name') === onlyName) &&
      labels.matches(labelsOf(object)) &&
      fields.matches((field) => getters[field]?.(object) ?? ''),
  };
}

export function labelsOf(object: JsonObject): Readonly<Record<string, string>> {
  // Label values are strings: validation has seen to that.
  return (asObject(metadataOf(object)['labels']) ?? {}) as Record<string, string>;
}

type Getters = Readonly<Record<string, ((object: JsonObject) => string) | undefined>>;

const gettersOf = new WeakMap<ServedKind, Getters>();

function fieldGetters(kind: ServedKind): Getters {
  const known = gettersOf.get(kind);
  if (known !== undefined) return known;
  const getters: Getters = {
    'metadata.name': (object) => metaString(object, 'name'),
    ...(kind.namespaced || kind.builtin
      ? { 'metadata.namespace': (object: JsonObject) => metaString(object, 'namespace') }
      : {}),
    ...kind.strategy.selectableFields,
    ...Object.fromEntries(
      kind.selectableJsonPaths.map((path) => [path.replace(/^\./, ''), byPath(path)]),
    ),
  };
  gettersOf.set(kind, getters);
  return getters;
}

function byPath(path: string): (object: JsonObject) => string {
  const compiled = compileJsonPath(path);
  return (object) => {
    const [value] = compiled(object);
    return typeof value === 'object' ? asString(undefined) : String(value ?? '');
  };
}

function unknownField(field: string, builtin: boolean, getters: Getters): Error {
  if (!builtin) return badRequest(`field label not supported: ${field}`);
  const only = Object.keys(getters)
    .map((name) => `"${name}"`)
    .join(', ');
  return badRequest(`"${field}" is not a known field selector: only ${only}`);
}
