import type { Pod } from '../api/kinds.gen.ts';
import { parseQuantity } from '../api/quantity.ts';

/** Source: Kubernetes, "Pod Quality of Service Classes". */
export function qosClassOf(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const names = ['cpu', 'memory'] as const;
  const all = containers.flatMap(({ resources }) =>
    names.map((name) => {
      const limit = resources?.limits?.[name];
      return { limit, request: resources?.requests?.[name] ?? limit };
    }),
  );
  if (all.every(({ limit, request }) => limit === undefined && request === undefined)) {
    return 'BestEffort';
  }
  const guaranteed = all.every(
    ({ limit, request }) =>
      limit !== undefined &&
      request !== undefined &&
      parseQuantity(limit).cmp(parseQuantity(request)) === 0,
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
