/**
 * How the containers of a pod resolve names. Pure. Source: Kubernetes "DNS for Services and Pods",
 * pod's DNS policy and DNS config.
 */
import { clusterNames } from '../../api/cluster-names.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import { withoutLoopback } from '../../runtime/network/resolv-conf.ts';
import type { DnsSpec } from '../../runtime/runtime.ts';

/** What a node knows beside the pod. */
export interface NodeNames {
  /** Of the machine itself. */
  readonly conf: DnsSpec;
  /** Where names of the plane are answered for this pod; absent when nowhere. */
  readonly server?: string;
  /** Of the pod's own segment; asked by `server` too. */
  readonly segment?: readonly string[];
  /** What the network says that it is attached to. */
  readonly attached?: DnsSpec;
}

const nothing: DnsSpec = { servers: [], searches: [], options: [] };

/** As many as resolvers read. */
const serversMax = 3;
const searchesMax = 32;
/** `web` and `web.default` are looked for among ours first; more dots make a name of the world. */
const dots = 'ndots:2';

/** `undefined` leaves the machine's own in force. */
export function podDns(pod: Pod, node: NodeNames): DnsSpec | undefined {
  const { conf, server, attached = nothing } = node;
  const segment = [...(node.segment ?? []), ...attached.servers];
  const said = configOf(pod);
  if (pod.spec.dnsPolicy === 'None') return said;
  if (server !== undefined && usesOurs(pod)) {
    const { namespace = '' } = pod.metadata;
    const ours = [`${namespace}.${clusterNames}`, clusterNames];
    const searches = [...ours, ...attached.searches, ...conf.searches];
    return merged(said, [server], searches, [dots, ...conf.options, ...attached.options]);
  }
  if ([said, attached, { ...nothing, servers: segment }].every(isEmpty)) return undefined;
  const machine = [...segment, ...withoutLoopback(conf.servers)];
  const searches = [...attached.searches, ...conf.searches];
  return merged(said, machine, searches, [...conf.options, ...attached.options]);
}

/** Source: Kubernetes, `ClusterFirst` counts as `Default` with the host's network. */
export function usesOurs({ spec }: Pod): boolean {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = spec;
  if (dnsPolicy === 'ClusterFirstWithHostNet') return true;
  return dnsPolicy === 'ClusterFirst' && hostNetwork !== true;
}

function isEmpty({ servers, searches, options }: DnsSpec): boolean {
  return servers.length + searches.length + options.length === 0;
}

function configOf({ spec }: Pod): DnsSpec {
  const { nameservers = [], searches = [], options = [] } = spec.dnsConfig ?? {};
  return {
    servers: nameservers,
    searches,
    options: options.map(({ name = '', value }) =>
      value === undefined ? name : `${name}:${value}`,
    ),
  };
}

function merged(
  said: DnsSpec,
  servers: readonly string[],
  searches: readonly string[],
  options: readonly string[],
): DnsSpec {
  return {
    servers: unique([...servers, ...said.servers]).slice(0, serversMax),
    searches: unique([...searches, ...said.searches]).slice(0, searchesMax),
    options: lastOfEach([...options, ...said.options]),
  };
}

function unique(list: readonly string[]): readonly string[] {
  return [...new Set(list)];
}

/** By name, which comes before the colon: what is said later counts. */
function lastOfEach(options: readonly string[]): readonly string[] {
  return [...new Map(options.map((each) => [each.split(':')[0], each])).values()];
}
