/** Which kinds the server has and by what names people call them, from aggregated discovery. */
import type { Resource } from '../../api/meta.ts';
import { Failure, usage } from '../failure.ts';
import type { Session } from './session.ts';

export interface Kind extends Resource {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

const accept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

interface GroupDiscoveryList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind: { readonly kind: string };
        readonly scope: string;
        readonly singularResource?: string;
        readonly shortNames?: readonly string[];
        readonly categories?: readonly string[];
        readonly verbs?: readonly string[];
        readonly subresources?: readonly { readonly subresource: string }[];
      }[];
    }[];
  }[];
}

/** Every kind in every version; the preferred version of a group comes first. */
export async function discoverKinds(session: Session): Promise<readonly Kind[]> {
  const answers = await Promise.all(
    ['/api', '/apis'].map((path) => session.call({ path, accept })),
  );
  // The media type that was asked for promises this shape.
  return answers.flatMap(({ body }) => kindsOf(body as GroupDiscoveryList));
}

function kindsOf({ items = [] }: GroupDiscoveryList): Kind[] {
  return items.flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((each) => ({
        group: metadata?.name ?? '',
        version,
        resource: each.resource,
        kind: each.responseKind.kind,
        namespaced: each.scope === 'Namespaced',
        singular: each.singularResource ?? '',
        shortNames: each.shortNames ?? [],
        categories: each.categories ?? [],
        verbs: each.verbs ?? [],
        subresources: (each.subresources ?? []).map(({ subresource }) => subresource),
      })),
    ),
  );
}

/** The kind that `name` means: plural, singular, short name or Kind, with `.group` if need be. Pure. */
export function findKind(kinds: readonly Kind[], name: string): Kind | undefined {
  const wanted = name.toLowerCase();
  const plain = kinds.find((kind) => namesOf(kind).includes(wanted));
  if (plain !== undefined) return plain;
  const dot = wanted.indexOf('.');
  if (dot < 0) return undefined;
  const [first, rest] = [wanted.slice(0, dot), wanted.slice(dot + 1)];
  return kinds.find(
    (kind) =>
      namesOf(kind).includes(first) &&
      (kind.group === rest || `${kind.version}.${kind.group}` === rest),
  );
}

/** All kinds that a word like `pods,wl` or `all` means. Throws a `Failure` for an unknown one. Pure. */
export function selectKinds(kinds: readonly Kind[], words: string): readonly Kind[] {
  const found = words.split(',').flatMap((word) => {
    if (word === '') throw usage(`there is an empty kind in "${words}"`);
    const kind = findKind(kinds, word);
    if (kind !== undefined) return [kind];
    const members = kinds.filter(({ categories }) => categories.includes(word.toLowerCase()));
    if (members.length === 0) throw unknownKind(word);
    return members;
  });
  return [...new Set(found)];
}

export function unknownKind(word: string): Failure {
  return new Failure(
    `the server has no kind "${word}": its kinds are listed by "kubectl api-resources"; ` +
      'a kind of your own needs its CustomResourceDefinition first',
  );
}

/** `pods`, or `workloads.berth.dev`: how commands name what they did. Pure. */
export function displayName({ group, singular, kind }: Kind): string {
  const name = singular === '' ? kind.toLowerCase() : singular;
  return group === '' ? name : `${name}.${group}`;
}

function namesOf({ resource, singular, kind, shortNames }: Kind): readonly string[] {
  return [resource, singular, kind.toLowerCase(), ...shortNames].filter((name) => name !== '');
}
