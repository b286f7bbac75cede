/**
 * Which requests are served before others, and how much of the server one takes. Pure.
 * Source: Kubernetes API Priority and Fairness, cut down to three levels (docs/decisions/0010).
 */
import { mastersGroup } from '../auth/authorize.ts';
import type { UserInfo } from '../request/request.ts';
import type { RequestInfo } from '../request/request-info.ts';

export const priorityLevels = ['exempt', 'system', 'workload'] as const;
export type PriorityLevel = (typeof priorityLevels)[number];

/** What the plane itself lives of: nodes with their heartbeats, its own components, leases of anybody. */
const systemGroups: ReadonlySet<string> = new Set([
  'system:nodes',
  'system:serviceaccounts:kube-system',
]);
const componentPrefixes = ['system:kube-', 'system:berth:', 'system:serviceaccount:kube-system:'];

const probes: ReadonlySet<string> = new Set(['healthz', 'livez', 'readyz']);

/** Administrators are never held up, nor is who asks whether the server lives. */
export function priorityOf(user: UserInfo, info: RequestInfo): PriorityLevel {
  if (user.groups.includes(mastersGroup)) return 'exempt';
  if (!info.isResource && probes.has(info.path.split('/')[1] ?? '')) return 'exempt';
  if (user.groups.some((group) => systemGroups.has(group))) return 'system';
  if (componentPrefixes.some((prefix) => user.name.startsWith(prefix))) return 'system';
  return 'workload';
}

/** `images` tells how a pull goes on. */
const streams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'log', 'images']);

/** Requests that go on as long as the client likes: they take no seat, and no deadline ends them. */
export function isLongRunning(info: RequestInfo): boolean {
  if (!info.isResource) return info.path === '/backup';
  return info.verb === 'watch' || streams.has(info.subresource);
}

/** So many objects of a list count as one seat. Source: upstream's work estimator. */
const objectsPerSeat = 100;

/** How many seats a request takes: a large list keeps the server as busy as many small requests. */
export function seatsOf(info: RequestInfo, query: URLSearchParams, stored: number): number {
  if (info.verb !== 'list' && info.verb !== 'deletecollection') return 1;
  const limit = Number(query.get('limit') ?? 0);
  const objects = limit > 0 ? Math.min(limit, stored) : stored;
  return 1 + Math.floor(objects / objectsPerSeat);
}
