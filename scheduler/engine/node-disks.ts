/** The disks that a node offers for Volumes, in the engine's words. Pure. */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { Node } from '../../api/kinds.gen.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { disksAnnotation } from '../../api/volume.ts';
import { maxAmount } from '../dimensions/scalar.ts';
import type { DiskRecord } from './request.ts';

/** Of a node at most so many count. */
const disksMax = 256;

/** In order of name. What is not understood is left out: a node without disks still runs what needs none. */
export function disksOf({ metadata }: Node): readonly DiskRecord[] {
  const text = metadata.annotations?.[disksAnnotation];
  if (text === undefined) return [];
  let list: JsonValue;
  try {
    list = JSON.parse(text);
  } catch {
    return [];
  }
  const disks = objectsOf(list).flatMap((disk) => diskOf(disk) ?? []);
  const byName = new Map(disks.map((disk) => [disk.name, disk]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, disksMax);
}

function diskOf(disk: JsonObject): DiskRecord | undefined {
  const name = asString(disk['name']);
  const size = bytesOf(disk['capacity']);
  if (name === '' || size === undefined) return undefined;
  return {
    name,
    class: asString(disk['class']),
    size,
    // A rate that is not declared is not counted.
    readIops: bytesOf(disk['readIOPS']) ?? Number.POSITIVE_INFINITY,
    writeIops: bytesOf(disk['writeIOPS']) ?? Number.POSITIVE_INFINITY,
    readBps: bytesOf(disk['readBPS']) ?? Number.POSITIVE_INFINITY,
    writeBps: bytesOf(disk['writeBPS']) ?? Number.POSITIVE_INFINITY,
    retained: asArray(disk['retained']).flatMap((value) => {
      const uid = asString(at(asObject(value), 'uid'));
      const bytes = bytesOf(at(asObject(value), 'size'));
      return uid === '' || bytes === undefined ? [] : { uid, size: bytes };
    }),
  };
}

/** Whole, at most `maxAmount`; undefined for what is no quantity, or less than none. */
export function bytesOf(value: JsonValue | undefined): number | undefined {
  if ((typeof value !== 'string' && typeof value !== 'number') || !isQuantity(value)) {
    return undefined;
  }
  const bytes = Number(parseBytes(value));
  return bytes < 0 ? undefined : Math.min(bytes, maxAmount);
}
