import type { Resource } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';

/** What discovery says about these kinds, at the unaggregated paths. */
export function discoveryAnswer(path: string, kinds: readonly Resource[]): unknown {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', groups: groups(kinds) };
  const [, root, ...rest] = path.split('/');
  const [group, version] = root === 'api' ? ['', rest[0]] : rest;
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) throw new StatusError(404, 'NotFound', '404 page not found');
  return {
    kind: 'APIResourceList',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.map(({ resource: name, kind, namespaced }) => ({
      name,
      kind,
      namespaced,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    })),
  };
}

function groups(kinds: readonly Resource[]): unknown[] {
  const named = new Set(kinds.map(({ group }) => group).filter((group) => group !== ''));
  return [...named].map((name) => {
    const versions = [...new Set(kinds.filter((k) => k.group === name).map((k) => k.version))].map(
      (version) => ({ groupVersion: `${name}/${version}`, version }),
    );
    return { name, versions, preferredVersion: versions[0] };
  });
}
