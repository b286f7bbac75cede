/** What `KIND NAME`, `KIND/NAME` and `KIND/NAME KIND/NAME` on a command line mean. */
import type { ObjectKey } from '../../api/meta.ts';
import { objectPath } from '../../client/paths.ts';
import { usage } from '../failure.ts';
import { findKind, type Kind, selectKinds, unknownKind } from './kinds.ts';

export interface Target {
  readonly kind: Kind;
  readonly name: string;
}

export type Selection =
  | { readonly type: 'objects'; readonly targets: readonly Target[] }
  | { readonly type: 'kinds'; readonly kinds: readonly Kind[] };

/** Pure; throws a `Failure` for what makes no sense. */
export function readSelection(kinds: readonly Kind[], words: readonly string[]): Selection {
  const [first, ...rest] = words;
  if (first === undefined) throw usage('name a kind, for example "pods" or "workload/web"');
  if (words.some((word) => word.includes('/'))) {
    return { type: 'objects', targets: words.map((word) => readTarget(kinds, word)) };
  }
  const chosen = selectKinds(kinds, first);
  if (rest.length === 0) return { type: 'kinds', kinds: chosen };
  const [kind] = chosen;
  if (kind === undefined || chosen.length > 1) {
    throw usage(`names can be given for one kind only, not for "${first}"`);
  }
  return { type: 'objects', targets: rest.map((name) => ({ kind, name })) };
}

/** `workload/web`. */
export function readTarget(kinds: readonly Kind[], word: string): Target {
  const [kindName = '', name = '', ...more] = word.split('/');
  if (kindName === '' || name === '' || more.length > 0) {
    throw usage(`"${word}" does not name an object: write KIND/NAME, like workload/web`);
  }
  const kind = findKind(kinds, kindName);
  if (kind === undefined) throw unknownKind(kindName);
  return { kind, name };
}

/** The URL path of an object; the namespace counts only where the kind has one. */
export function pathOf({ kind, name }: Target, namespace: string, subresource?: string): string {
  return objectPath(kind, keyIn(kind, namespace, name), subresource);
}

function keyIn(kind: Kind, namespace: string, name: string): ObjectKey {
  return kind.namespaced ? { namespace, name } : { name };
}
