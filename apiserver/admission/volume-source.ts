/**
 * A Volume is not made smaller than what it is made from. What is not there yet, or whose size is not known, its node
 * judges when it makes the Volume.
 */
import { asObject, asString, at } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { invalid } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';
import { metaString } from '../storage/cached.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AdmissionPlugin } from './plugin.ts';

const group = 'berth.dev';

export function volumeSource(objects: Pick<ObjectStore, 'get'>): AdmissionPlugin {
  return {
    name: 'VolumeSource',
    handles: ({ operation, served, subresource }) =>
      operation === 'CREATE' &&
      subresource === '' &&
      served.group === group &&
      served.plural === 'volumes',
    async validate({ namespace, kind, signal }, volume) {
      if (volume === undefined) return;
      const source = asObject(at(volume, 'spec', 'source'));
      const what = source?.['snapshot'] === undefined ? 'volume' : 'snapshot';
      const name = asString(source?.[what]);
      if (name === '') return;
      const plural = what === 'snapshot' ? 'volumesnapshots' : 'volumes';
      const from = await objects.get({ group, plural }, { namespace, name }, signal);
      const least = from === undefined ? undefined : sizeOf(from.object);
      const size = at(volume, 'spec', 'size');
      if (!isAmount(least) || !isAmount(size) || parseBytes(size) >= parseBytes(least)) return;
      const why = `must be at least ${least}, the size of ${what} "${name}"`;
      throw invalid(kind, metaString(volume, 'name'), [invalidValue('spec.size', size, why)]);
    },
  };
}

/** Of a snapshot what it takes to restore it, of a Volume its own. */
function sizeOf(object: JsonObject): JsonValue | undefined {
  return (
    at(object, 'status', 'restoreSize') ??
    at(object, 'spec', 'allocation', 'size') ??
    at(object, 'spec', 'size')
  );
}

function isAmount(value: JsonValue | undefined): value is string | number {
  return (typeof value === 'string' || typeof value === 'number') && isQuantity(value);
}
