/** metrics.k8s.io/v1beta1: what nodes and pods use now, for `kubectl top`. Source: metrics-server v0.7. */
import { asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { CpuStats, MemoryStats, PodStats, StatsSummary } from '../../api/stats-summary.ts';
import { notFound } from '../../api/status.ts';
import { makeTable, negotiate, parseIncludeObject } from '../present/index.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import { metaString } from '../storage/cached.ts';
import { listPrefix } from '../storage/keys.ts';
import { methodNotAllowed } from '../verbs/create.ts';
import type { VerbDeps } from '../verbs/deps.ts';
import { respondJson } from '../verbs/respond.ts';
import { labelsOf, selectionOver } from '../verbs/select.ts';
import type { NodeSummaries } from './node-summaries.ts';

const group = 'metrics.k8s.io';
const apiVersion = `${group}/v1beta1`;
const kinds: Readonly<Record<string, string>> = { pods: 'PodMetrics', nodes: 'NodeMetrics' };
const pods = { group: '', plural: 'pods' };
const nodes = { group: '', plural: 'nodes' };

export interface MetricsDeps extends VerbDeps {
  readonly summaries: NodeSummaries;
}

export function isMetrics({ group: asked, version, resource, subresource }: RequestInfo): boolean {
  const known = asked === group && version === 'v1beta1' && Object.hasOwn(kinds, resource);
  return known && subresource === '';
}

export async function resourceMetrics(
  deps: MetricsDeps,
  context: RequestContext,
): Promise<ApiResponse> {
  const { info } = context;
  if (info.verb !== 'get' && info.verb !== 'list') throw methodNotAllowed();
  const items =
    info.resource === 'pods' ? await ofPods(deps, context) : await ofNodes(deps, context);
  const kind = kinds[info.resource] ?? '';
  if (info.verb === 'list') return respond(deps, context, items, `${kind}List`);
  // Also of a pod that is there and was not measured yet, as upstream.
  if (items.length === 0) throw notFound({ group, resource: info.resource }, metricsName(info));
  return respond(deps, context, items, kind);
}

function metricsName({ namespace, name }: RequestInfo): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

async function ofNodes(deps: MetricsDeps, context: RequestContext): Promise<JsonObject[]> {
  const wanted = chosen(deps, context, listPrefix(nodes, ''));
  const summaries = await deps.summaries.of(wanted);
  return wanted.flatMap((node) => {
    const name = metaString(node, 'name');
    const summary = summaries.get(name);
    if (summary?.node.cpu.usageNanoCores === undefined) return [];
    const { cpu, memory } = summary.node;
    return [{ ...head('NodeMetrics', node, deps), ...period(cpu), usage: usageOf(cpu, memory) }];
  });
}

async function ofPods(deps: MetricsDeps, context: RequestContext): Promise<JsonObject[]> {
  const wanted = chosen(deps, context, listPrefix(pods, context.info.namespace));
  const hosts = new Set(wanted.map((pod) => asString(at(pod, 'spec', 'nodeName'))));
  const asked = deps.objects.cache
    .list(listPrefix(nodes, ''))
    .map(({ object }) => object)
    .filter((node) => hosts.has(metaString(node, 'name')));
  const measured = byUid((await deps.summaries.of(asked)).values());
  return wanted.flatMap((pod) => {
    const stats = measured.get(metaString(pod, 'uid'))?.containers ?? [];
    const complete = stats.filter(({ cpu }) => cpu.usageNanoCores !== undefined);
    const [first] = complete;
    // Half a pod would look like one that rests.
    if (first === undefined || complete.length < stats.length) return [];
    const containers = complete.map(({ name, cpu, memory }) => ({
      name,
      usage: usageOf(cpu, memory),
    }));
    return [{ ...head('PodMetrics', pod, deps), ...period(first.cpu), containers }];
  });
}

function byUid(summaries: Iterable<StatsSummary>): ReadonlyMap<string, PodStats> {
  return new Map([...summaries].flatMap((each) => each.pods.map((pod) => [pod.podRef.uid, pod])));
}

/** What the request is about, by name or selectors. */
function chosen(deps: MetricsDeps, { info, request }: RequestContext, prefix: string) {
  const getters = {
    'metadata.name': (object: JsonObject) => metaString(object, 'name'),
    'metadata.namespace': (object: JsonObject) => metaString(object, 'namespace'),
  };
  const { matches } = selectionOver(request.query, getters, info.name);
  return deps.objects.cache
    .list(prefix)
    .map(({ object }) => object)
    .filter(matches);
}

function head(kind: string, object: JsonObject, { clock }: MetricsDeps): JsonObject {
  const namespace = metaString(object, 'namespace');
  const labels = labelsOf(object);
  return {
    kind,
    apiVersion,
    metadata: {
      name: metaString(object, 'name'),
      ...(namespace === '' ? {} : { namespace }),
      creationTimestamp: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
    },
  };
}

function period({ time, windowSeconds = 0 }: CpuStats): JsonObject {
  return { timestamp: time, window: `${windowSeconds}s` };
}

/** In metrics-server's units. */
function usageOf({ usageNanoCores = 0 }: CpuStats, { workingSetBytes }: MemoryStats): JsonObject {
  return { cpu: `${usageNanoCores}n`, memory: `${Math.round(workingSetBytes / 1024)}Ki` };
}

function respond(
  { clock }: MetricsDeps,
  { request, info }: RequestContext,
  items: readonly JsonObject[],
  kind: string,
): ApiResponse {
  const { mediaType, as } = negotiate(request.headers['accept'], 'object');
  if (as?.kind === 'Table') {
    const table = makeTable({
      kind: { group, resource: info.resource, builtin: true },
      objects: items,
      metadata: {},
      nowMs: clock.now(),
      includeObject: parseIncludeObject(request.query.get('includeObject')),
      version: as.version,
    });
    return respondJson(200, table, mediaType);
  }
  const body = info.verb === 'get' ? items[0] : { kind, apiVersion, metadata: {}, items };
  return respondJson(200, body ?? {}, mediaType);
}
