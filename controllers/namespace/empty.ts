/** Deletes everything in a namespace, then lets it go. Source: KEP-5080 for the order: pods first. */
import type { Namespace } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { namespaces, pods } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { discoverResources } from '../../client/discovery.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { deletionConditions, type Remaining } from './conditions.ts';

/** The finalizer in `spec.finalizers` that stands for the content. */
const contentFinalizer = 'kubernetes';

/** Deletes at once. */
const parallelMax = 32;

/** How soon to look again at what did not go at once. */
const againMs = 1_000;

export async function emptyNamespace(name: string, ctx: Reconcile<Namespace>): Promise<Outcome> {
  const finalizers = ctx.object.spec.finalizers ?? [];
  if (!finalizers.includes(contentFinalizer)) return undefined;
  const { kinds, failure } = await kindsToEmpty(ctx);
  const remaining: Remaining[] = [];
  const failures: string[] = [];
  // Pods first: what they use must not be taken from under them.
  const rest = kinds.filter((kind) => kind.kind !== pods.kind || kind.group !== '');
  for (const group of [kinds.filter((kind) => !rest.includes(kind)), rest]) {
    if (remaining.length > 0) break;
    for (const kind of group) {
      try {
        const left = await deleteAll(kind, name, ctx);
        if (left.count > 0) remaining.push(left);
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        failures.push(`${kind.resource}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  const done = remaining.length === 0 && failures.length === 0 && failure === undefined;
  await ctx.setStatus({}, deletionConditions({ discovery: failure, failures, remaining }));
  if (!done) return { requeueAfterMs: againMs };
  await finalize(ctx, finalizers);
  return undefined;
}

async function kindsToEmpty(
  ctx: Reconcile<Namespace>,
): Promise<{ readonly kinds: readonly Resource[]; readonly failure: string | undefined }> {
  try {
    const found = await discoverResources(ctx.client, { signal: ctx.signal });
    const kinds = found.filter(
      ({ namespaced, verbs }) =>
        namespaced && ['list', 'delete'].every((verb) => verbs.includes(verb)),
    );
    return { kinds, failure: undefined };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return { kinds: [], failure: error instanceof Error ? error.message : String(error) };
  }
}

/** Returns what is still there afterwards. */
async function deleteAll(
  resource: Resource,
  namespace: string,
  { client, signal }: Reconcile<Namespace>,
): Promise<Remaining> {
  const { items } = await client.list<KubeObject>(resource, { namespace, signal });
  const fresh = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (let at = 0; at < fresh.length; at += parallelMax) {
    await Promise.all(
      fresh.slice(at, at + parallelMax).map(async ({ metadata }) => {
        const { name = '', uid } = metadata;
        const preconditions = uid === undefined ? {} : { uid };
        const options = { propagationPolicy: 'Background' as const, preconditions, signal };
        await client.delete(resource, { namespace, name }, options).catch((error: unknown) => {
          if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
        });
      }),
    );
  }
  if (items.length === 0) return { resource, count: 0, finalizers: {} };
  const after = await client.list<KubeObject>(resource, { namespace, signal });
  const finalizers: Record<string, number> = {};
  for (const { metadata } of after.items) {
    for (const name of metadata.finalizers ?? []) finalizers[name] = (finalizers[name] ?? 0) + 1;
  }
  return { resource, count: after.items.length, finalizers };
}

async function finalize(ctx: Reconcile<Namespace>, finalizers: readonly string[]): Promise<void> {
  const rest = finalizers.filter((each) => each !== contentFinalizer);
  const object = { ...ctx.object, spec: { ...ctx.object.spec, finalizers: rest } };
  try {
    const { signal } = ctx;
    await ctx.client.update<Namespace>(namespaces, object, { subresource: 'finalize', signal });
    ctx.log.info({}, 'namespace emptied');
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
}
