/** Brings custom objects from one version of their kind into another. */
import { copyOf } from '../../api/json.ts';
import { formatApiVersion, type JsonObject } from '../../api/meta.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { prune } from '../schema/index.ts';

export class Converter {
  /** Copies in the version of `to`, in the same order. */
  async convert(
    objects: readonly JsonObject[],
    to: ServedKind,
    _signal: AbortSignal,
  ): Promise<readonly JsonObject[]> {
    return objects.map((object) => renamed(object, to));
  }
}

/** Only `apiVersion` changes, and what the other version does not have goes. */
function renamed(object: JsonObject, to: ServedKind): JsonObject {
  const copy = copyOf(object);
  copy['apiVersion'] = formatApiVersion(to.group, to.version);
  prune(copy, to.schema);
  return copy;
}
