/** Which kinds a server has, read from its discovery documents. */
import { parseApiVersion, type Resource } from '../api/meta.ts';
import { hasReason } from '../api/status.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Client } from './client.ts';

export interface DiscoveredResource extends Resource {
  readonly verbs: readonly string[];
}

/** Group versions that are read; more are refused, because nobody has so many. */
const groupVersionsMax = 1_000;

/** Every kind once, in its group's preferred version, without subresources. */
export async function discoverResources(
  client: Client,
  options: CallOptions,
): Promise<readonly DiscoveredResource[]> {
  const list = await client.read<GroupList>('/apis', options);
  const versions = [
    'v1',
    ...(list.groups ?? []).flatMap(({ versions: all, preferredVersion: preferred }) => {
      const names = all.map(({ groupVersion }) => groupVersion);
      const first = preferred === undefined ? [] : [preferred.groupVersion];
      return [...new Set([...first, ...names])];
    }),
  ];
  if (versions.length > groupVersionsMax) throw new RangeError('the server has too many groups');
  const answers = await Promise.all(
    versions.map((version) => resourcesOf(client, version, options)),
  );
  const found = new Map<string, DiscoveredResource>();
  for (const resource of answers.flat()) {
    const id = `${resource.group}/${resource.resource}`;
    if (!found.has(id)) found.set(id, resource);
  }
  return [...found.values()];
}

/** One kind in its group's preferred version; `undefined` when the server does not have it. */
export async function findResource(
  client: Client,
  { group, resource }: Pick<Resource, 'group' | 'resource'>,
  options: CallOptions,
): Promise<DiscoveredResource | undefined> {
  const version = group === '' ? 'v1' : await preferredVersion(client, group, options);
  if (version === undefined) return undefined;
  const found = await resourcesOf(client, version, options);
  return found.find((each) => each.resource === resource);
}

async function preferredVersion(
  client: Client,
  group: string,
  options: CallOptions,
): Promise<string | undefined> {
  try {
    const found = await client.read<Group>(`/apis/${encodeURIComponent(group)}`, options);
    return (found.preferredVersion ?? found.versions[0])?.groupVersion;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

interface Group {
  readonly versions: readonly { readonly groupVersion: string }[];
  readonly preferredVersion?: { readonly groupVersion: string };
}

interface GroupList {
  readonly groups?: readonly Group[];
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

async function resourcesOf(
  client: Client,
  groupVersion: string,
  options: CallOptions,
): Promise<readonly DiscoveredResource[]> {
  const { group, version } = parseApiVersion(groupVersion);
  const path = group === '' ? `/api/${version}` : `/apis/${groupVersion}`;
  try {
    const { resources = [] } = await client.read<ResourceList>(path, options);
    return resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced, verbs }) => ({
        group,
        version,
        resource: name,
        kind,
        namespaced,
        verbs,
      }));
  } catch (error) {
    // A group can go between the two requests.
    if (hasReason(error, 'NotFound')) return [];
    throw error;
  }
}
