/** Holds a workload back until what it depends on is there. */
import { findCondition } from '../../api/conditions.ts';
import type { Workload } from '../../api/kinds.gen.ts';
import { formatApiVersion, type KubeObject, keyOf, type Resource } from '../../api/meta.ts';
import { configMaps, pods, secrets, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { discoverResources } from '../../client/discovery.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { TerminalError } from '../kit/errors.ts';
import type { Informers } from '../kit/informers.ts';
import { cycleFrom } from './graph.ts';
import { type Dependency, kindOf, whatIsMissing } from './state.ts';

/** Index of the workload informer: `kind/namespace/name` of what it depends on. */
export const byDependency = 'dependency';

const condition = 'DependenciesMet';

/** Changes of most kinds do not wake us: they are asked about so often. */
const pollMs = 2_000;

/** Their changes do. */
const watched: readonly Resource[] = [workloads, pods, configMaps, secrets];

export function dependencyKeys({ metadata, spec }: Workload): readonly string[] {
  return (spec.dependsOn ?? []).map(
    (each) => `${kindOf(each)}/${metadata.namespace ?? ''}/${each.name}`,
  );
}

/** The workloads that depend on this object. */
export function dependantsOf(informers: Informers, object: KubeObject): readonly Workload[] {
  const key = `${object.kind}/${keyOf(object)}`;
  return informers.for<Workload>(workloads).byIndex(byDependency, key);
}

/** Whom a change of this workload may concern: those that it needs, and those that need it. */
export function neighbourKeys(informers: Informers, object: KubeObject): readonly string[] {
  const { namespace = '', name = '' } = object.metadata;
  const { spec } = object as Workload; // The caller watches workloads.
  const needed = (spec.dependsOn ?? []).filter((each) => kindOf(each) === workloads.kind);
  return [
    ...needed
      .map((each) => `${namespace}/${each.name}`)
      .filter((key) => key !== `${namespace}/${name}`),
    ...dependantsOf(informers, object).map(keyOf),
  ];
}

/** The names of the workloads that the one of that name depends on. */
export function workloadEdges(informers: Informers, namespace: string) {
  return (name: string): readonly string[] => {
    const workload = informers.for<Workload>(workloads).get(`${namespace}/${name}`);
    return (workload?.spec.dependsOn ?? [])
      .filter((each) => kindOf(each) === workloads.kind)
      .map((each) => each.name);
  };
}

/**
 * `undefined`: go on. Once all was there, that is so for ever: what has started is not stopped because
 * something it needed once is gone.
 */
export async function awaitDependencies(ctx: Reconcile<Workload>): Promise<Outcome> {
  const { metadata, spec, status } = ctx.object;
  const { dependsOn = [], type } = spec;
  // The Jobs of a Cron wait, each for itself.
  if (dependsOn.length === 0 || type === 'Cron') return undefined;
  if (findCondition(status?.conditions, condition)?.status === 'True') return undefined;
  const { namespace = '', name = '' } = metadata;
  const cycle = cycleFrom(name, workloadEdges(ctx.informers, namespace));
  if (cycle !== undefined) {
    throw new TerminalError('DependencyCycle', `spec.dependsOn is a circle: ${cycle.join(' → ')}`);
  }
  const missing: string[] = [];
  for (const each of dependsOn) {
    const what = await missingOf(ctx, each);
    if (what !== undefined) missing.push(what);
  }
  if (missing.length === 0) {
    const message = 'All that this workload depends on is there.';
    await ctx.setStatus({ summary: undefined }, [
      { type: condition, status: 'True', reason: 'Met', message },
    ]);
    return undefined;
  }
  const message = `Waiting: ${missing.join('; ')}.`;
  await ctx.setStatus({ summary: 'Waiting' }, [
    { type: condition, status: 'False', reason: 'Waiting', message },
  ]);
  const polled = dependsOn.some((each) => !watched.some(({ kind }) => kind === kindOf(each)));
  return { incomplete: true, ...(polled ? { requeueAfterMs: pollMs } : {}) };
}

async function missingOf(
  ctx: Reconcile<Workload>,
  dependency: Dependency,
): Promise<string | undefined> {
  const { client, informers, signal, object } = ctx;
  const { namespace = '' } = object.metadata;
  const { name } = dependency;
  const known = watched.find(({ kind }) => kind === kindOf(dependency));
  if (known !== undefined && dependency.apiVersion === undefined) {
    return whatIsMissing(dependency, informers.for<KubeObject>(known).get(`${namespace}/${name}`));
  }
  const resource = await resourceOf(ctx, dependency);
  if (resource === undefined) return `there is no kind ${kindOf(dependency)}`;
  const key = resource.namespaced ? { namespace, name } : { name };
  try {
    return whatIsMissing(dependency, await client.get<KubeObject>(resource, key, { signal }));
  } catch (error) {
    if (hasReason(error, 'NotFound')) return whatIsMissing(dependency, undefined);
    throw error;
  }
}

async function resourceOf(
  { client, signal }: Reconcile<Workload>,
  dependency: Dependency,
): Promise<Resource | undefined> {
  const kinds = await discoverResources(client, { signal });
  return kinds.find(
    ({ kind, group, version }) =>
      kind === kindOf(dependency) &&
      formatApiVersion(group, version) ===
        (dependency.apiVersion ?? formatApiVersion(group, version)),
  );
}
