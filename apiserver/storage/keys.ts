/** Where objects lie in the store: `<group or core>/<resource>/[<namespace>/]<name>`. */
import type { ObjectKey } from '../../api/meta.ts';

/** What names a kind's place in the store; the version is not part of it. */
export interface StoragePlace {
  readonly group: string;
  readonly plural: string;
}

const coreFolder = 'core';

/** The folder of a kind, with a closing slash. */
export function kindPrefix({ group, plural }: StoragePlace): string {
  return `${group === '' ? coreFolder : group}/${plural}/`;
}

/** The prefix of all objects of one namespace, or of the kind when `namespace` is empty. */
export function listPrefix(place: StoragePlace, namespace: string): string {
  return namespace === '' ? kindPrefix(place) : `${kindPrefix(place)}${namespace}/`;
}

export function objectKey(place: StoragePlace, { namespace, name }: ObjectKey): string {
  return `${listPrefix(place, namespace ?? '')}${name}`;
}

/** The kind's folder that a key lies in. */
export function prefixOf(key: string): string {
  const first = key.indexOf('/');
  const second = key.indexOf('/', first + 1);
  return key.slice(0, second + 1);
}
