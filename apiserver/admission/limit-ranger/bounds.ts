/** Whether a pod keeps within the bounds of its namespace. Source: Kubernetes LimitRanger (v1.32). */
import { asObject, asString, at, objectsOf } from '../../../api/json.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { type Amounts, amountsOf, podAmounts } from '../../../api/pod-resources.ts';
import type { Quantity } from '../../../api/quantity.ts';

/** What one container or pod asks for. */
interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** What is wrong, in upstream's words; each once. */
export function boundErrors(pod: JsonObject, ranges: readonly JsonObject[]): string[] {
  const spec = asObject(pod['spec']) ?? {};
  const errors = ranges.flatMap((range) =>
    objectsOf(at(range, 'spec', 'limits')).flatMap((limit) => {
      const type = asString(limit['type']);
      const asked = type === 'Container' ? ofContainers(spec) : type === 'Pod' ? [ofPod(spec)] : [];
      return asked.flatMap((each) => itemErrors(limit, type, each));
    }),
  );
  return [...new Set(errors)];
}

function ofContainers(spec: JsonObject): Asked[] {
  return ['containers', 'initContainers'].flatMap((list) =>
    objectsOf(spec[list]).map((container) => ({
      requests: amountsOf(at(container, 'resources', 'requests')),
      limits: amountsOf(at(container, 'resources', 'limits')),
    })),
  );
}

function ofPod(spec: JsonObject): Asked {
  return { requests: podAmounts(spec, 'requests'), limits: podAmounts(spec, 'limits') };
}

function itemErrors(item: JsonObject, type: string, asked: Asked): string[] {
  const errors: string[] = [];
  const judge = (
    list: string,
    of: (bound: Quantity, request?: Quantity, limit?: Quantity) => string | undefined,
  ) => {
    for (const [name, bound] of [...amountsOf(item[list])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const why = of(bound, asked.requests.get(name), asked.limits.get(name));
      if (why !== undefined) errors.push(`${told(list, name, type)} is ${bound}${why}`);
    }
  };
  judge('min', belowMin);
  judge('max', aboveMax);
  judge('maxLimitRequestRatio', aboveRatio);
  return errors;
}

function told(list: string, name: string, type: string): string {
  if (list === 'maxLimitRequestRatio') return `${name} max limit to request ratio per ${type}`;
  return `${list}imum ${name} usage per ${type}`;
}

function belowMin(least: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  if (request === undefined) return '.  No request is specified';
  if (request.cmp(least) < 0) return `, but request is ${request}`;
  return limit !== undefined && limit.cmp(least) < 0 ? `, but limit is ${limit}` : undefined;
}

function aboveMax(most: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  if (limit === undefined) return '.  No limit is specified';
  if (limit.cmp(most) > 0) return `, but limit is ${limit}`;
  return request !== undefined && request.cmp(most) > 0 ? `, but request is ${request}` : undefined;
}

function aboveRatio(most: Quantity, request?: Quantity, limit?: Quantity): string | undefined {
  if (request === undefined || request.nano === 0n)
    return ', but no request is specified or request is 0';
  if (limit === undefined || limit.nano === 0n) return ', but no limit is specified or limit is 0';
  // Exact: limit / request > most.
  if (limit.nano * nanoPerUnit <= most.nano * request.nano) return undefined;
  return `, but provided ratio is ${(limit.toNumber() / request.toNumber()).toFixed(6)}`;
}

const nanoPerUnit = 1_000_000_000n;
