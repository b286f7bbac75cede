/** What is left of the disk that a Volume lies on, as its node declares it. */
import { asObject, asString, objectsOf } from '../../api/json.ts';
import type { Node, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { JsonValue } from '../../api/meta.ts';
import { formatQuantity, isQuantity, parseBytes } from '../../api/quantity.ts';
import { volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { disksAnnotation } from '../../api/volume.ts';
import type { Informers } from '../kit/informers.ts';

/** Why its disk has no room for a snapshot of `volume`; a node that declares nothing has to find out itself. */
export function shortOf(
  { spec: { nodeName, allocation, size } }: Volume,
  node: Node | undefined,
  informers: Informers,
): string | undefined {
  const disk = diskOf(node, allocation?.disk ?? '');
  const capacity = bytesOf(disk?.['capacity']);
  if (disk === undefined || capacity === 0n) return undefined;
  const lies = ({ spec }: Volume | VolumeSnapshot) =>
    spec.nodeName === nodeName && spec.allocation?.disk === allocation?.disk;
  const snapshots = informers.for<VolumeSnapshot>(volumeSnapshots).list().filter(lies);
  const sizes: readonly (JsonValue | undefined)[] = [
    ...informers
      .for<Volume>(volumes)
      .list()
      .filter(lies)
      .map(({ spec }) => spec.size),
    ...snapshots.map(({ spec, status }) => status?.restoreSize ?? spec.allocation?.size),
    ...objectsOf(disk['retained']).map((each) => each['size']),
  ];
  const taken = sizes.reduce((sum: bigint, amount) => sum + bytesOf(amount), 0n);
  const left = capacity > taken ? capacity - taken : 0n;
  if (parseBytes(size) <= left) return undefined;
  const free = formatQuantity({ value: left }, 'BinarySI');
  return `disk "${allocation?.disk}" of node ${nodeName} has ${free} left, ${size} are needed`;
}

function diskOf(node: Node | undefined, name: string) {
  const text = node?.metadata.annotations?.[disksAnnotation];
  try {
    return objectsOf(JSON.parse(text ?? '[]'))
      .map((each) => asObject(each))
      .find((each) => asString(each?.['name']) === name);
  } catch {
    return undefined;
  }
}

function bytesOf(value: JsonValue | undefined): bigint {
  if (typeof value !== 'string' && typeof value !== 'number') return 0n;
  return isQuantity(value) ? parseBytes(value) : 0n;
}
