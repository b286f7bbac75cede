/**
 * Configuration as part of a revision: each ConfigMap and Secret that the template names is copied,
 * once per content, into an immutable object of the workload, and pods name the copy.
 */
import type { ConfigMap, PodTemplateSpec, Secret, Workload } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { configMaps, secrets, workloads } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import { controllerReference } from '../kit/pass.ts';
import {
  type ConfigRef,
  configRefs,
  copyOfAnnotation,
  refKey,
  renameConfig,
} from './config-refs.ts';
import { workloadLabel } from './plan.ts';
import { labelValue, nameWithHash } from './pod-object.ts';
import { canonicalJson, safeHash } from './template-hash.ts';

/** Letters that tell the copies of one object apart. */
const hashLength = 10;

/** Its content is made by the server and follows the account. */
const tokenType = 'kubernetes.io/service-account-token';

type Config = ConfigMap | Secret;

export interface Resolved {
  /** Names copies; undefined while something is missing. */
  readonly template: PodTemplateSpec | undefined;
  /** Required objects that are not there. */
  readonly missing: readonly ConfigRef[];
  /** To be there before a pod is. */
  readonly copies: readonly Config[];
}

/** What the template comes to with the configuration as it is now; reads caches only. */
export function resolveConfig(ctx: Reconcile<Workload>, template: PodTemplateSpec): Resolved {
  const { uid = '' } = ctx.object.metadata;
  const names = new Map<string, string>();
  const missing: ConfigRef[] = [];
  const copies: Config[] = [];
  for (const ref of configRefs(template)) {
    const source = find(ctx, ref);
    if (source === undefined) {
      if (!ref.optional) missing.push(ref);
    } else if (!isControlledBy(source, uid) && !isToken(source)) {
      const copy = copyOf(ctx.object, ref, source);
      copies.push(copy);
      names.set(refKey(ref), copy.metadata.name ?? '');
    }
  }
  if (missing.length > 0) return { template: undefined, missing, copies: [] };
  const named = renameConfig(template, (ref) => names.get(refKey(ref)) ?? ref.name);
  return { template: named, missing, copies };
}

/** Makes the copies that are not there yet. */
export async function makeCopies(
  ctx: Reconcile<Workload>,
  copies: readonly Config[],
): Promise<void> {
  const { uid = '' } = ctx.object.metadata;
  for (const copy of copies) {
    const { namespace = '', name = '' } = copy.metadata;
    const resource = resourceOf(copy.kind);
    const known = ctx.informers.for<Config>(resource).get(`${namespace}/${name}`);
    if (known !== undefined && isControlledBy(known, uid)) continue;
    await makeCopy(ctx, resource, copy);
  }
}

/** Deletes the copies that none of the `kept` templates names. */
export async function pruneCopies(
  ctx: Reconcile<Workload>,
  kept: readonly PodTemplateSpec[],
): Promise<void> {
  const used = new Set(kept.flatMap((template) => configRefs(template).map(refKey)));
  const { uid = '' } = ctx.object.metadata;
  for (const resource of [configMaps, secrets]) {
    for (const copy of ctx.informers.for<Config>(resource).byIndex(byController, uid)) {
      const { name = '', namespace = '', annotations, deletionTimestamp } = copy.metadata;
      const isCopy = annotations?.[copyOfAnnotation] !== undefined;
      const kind = resource === secrets ? 'Secret' : 'ConfigMap';
      if (!isCopy || deletionTimestamp !== undefined || used.has(refKey({ kind, name }))) continue;
      const preconditions = copy.metadata.uid === undefined ? {} : { uid: copy.metadata.uid };
      await ctx.client
        .delete(resource, { namespace, name }, { preconditions, signal: ctx.signal })
        .catch(ignoreGone);
      ctx.log.info({ kind, copy: name }, 'copy of configuration deleted');
    }
  }
}

/** `ConfigMap "a", Secret "b"`. */
export function namesOf(refs: readonly ConfigRef[]): string {
  return refs.map(({ kind, name }) => `${kind} "${name}"`).join(', ');
}

function find(ctx: Reconcile<Workload>, { kind, name }: ConfigRef): Config | undefined {
  const key = `${ctx.object.metadata.namespace ?? ''}/${name}`;
  return ctx.informers.for<Config>(resourceOf(kind)).get(key);
}

function resourceOf(kind: ConfigRef['kind']): Resource {
  return kind === 'Secret' ? secrets : configMaps;
}

function isControlledBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((each) => each.controller && each.uid === uid) ?? false;
}

function isToken(object: Config): boolean {
  return object.kind === 'Secret' && object.type === tokenType;
}

/** Its name depends on the workload's name and the content only, so it is made once. */
function copyOf(workload: Workload, { kind, name }: ConfigRef, source: Config): Config {
  const { namespace = '', name: owner = '' } = workload.metadata;
  const content = contentOf(kind, source);
  const hash = safeHash(canonicalJson({ owner, name, ...content }), hashLength);
  const metadata = {
    name: nameWithHash(name, hash),
    namespace,
    labels: { [workloadLabel]: labelValue(owner) },
    annotations: { [copyOfAnnotation]: name },
    ownerReferences: [controllerReference(workloads, workload)],
  };
  return { ...content, metadata, immutable: true };
}

function contentOf(kind: ConfigRef['kind'], source: Config) {
  if (kind === 'Secret') {
    const { data, type } = source as Secret; // From the cache of Secrets.
    return {
      apiVersion: 'v1' as const,
      kind: 'Secret' as const,
      ...(data === undefined ? {} : { data }),
      ...(type === undefined ? {} : { type }),
    };
  }
  const { data, binaryData } = source as ConfigMap; // From the cache of ConfigMaps.
  return {
    apiVersion: 'v1' as const,
    kind: 'ConfigMap' as const,
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

async function makeCopy(ctx: Reconcile<Workload>, resource: Resource, copy: Config): Promise<void> {
  const { client, signal, object } = ctx;
  const { namespace = '', name = '', annotations, ownerReferences = [] } = copy.metadata;
  try {
    await client.create<Config>(resource, copy, { signal });
    ctx.log.info({ kind: copy.kind, copy: name }, 'configuration copied');
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const found = await client.get<Config>(resource, { namespace, name }, { signal });
    if (isControlledBy(found, object.metadata.uid ?? '')) return;
    const same = found.metadata.annotations?.[copyOfAnnotation] === annotations?.[copyOfAnnotation];
    const free = found.metadata.ownerReferences?.some((each) => each.controller) !== true;
    if (!same || !free || found.immutable !== true) throw taken(copy.kind, name);
    // Left behind by a workload of this name that was deleted without its children.
    const { resourceVersion } = found.metadata;
    const patch = {
      metadata: { resourceVersion, ownerReferences: ownerReferences.map((each) => ({ ...each })) },
    };
    await client.patch(resource, { namespace, name }, patch, { signal });
  }
}

/** Comes again until it is gone: one that is being deleted may stand in the way for a moment. */
function taken(kind: string, name: string): StatusError {
  const message = `${kind} "${name}" exists and is not this workload's`;
  return new StatusError(409, 'AlreadyExists', message);
}

function ignoreGone(error: unknown): void {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}
