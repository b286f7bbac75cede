/** Makes and deletes the pods of a plan. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { pods as podResource } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { type Plan, type PodName, passMax } from './plan.ts';

/** Calls at once; creation begins with one and doubles, so that a refusal costs little. */
const parallelMax = 64;

export interface NewPod {
  readonly pod: Pod;
  /** Sees to what must be there before it; returns why that cannot be yet. */
  prepare?(): Promise<StatusError | undefined>;
}

export interface CarriedOut {
  /** Why pods could not be made, when the server refused. */
  readonly refused: StatusError | undefined;
  /** Something is left for the next pass. */
  readonly more: boolean;
}

/** `podOf` makes the object of a new pod. */
export async function carryOut(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  { create, remove }: Plan,
  podOf: (name: PodName) => NewPod,
): Promise<CarriedOut> {
  const doomed = remove.slice(0, passMax);
  for (let at = 0; at < doomed.length; at += parallelMax) {
    const batch = doomed.slice(at, at + parallelMax);
    await all(batch.map((pod) => removePod(ctx, writes, pod)));
  }
  const names = create.slice(0, passMax);
  let refused: StatusError | undefined;
  for (let at = 0, size = 1; at < names.length && refused === undefined; ) {
    const batch = names.slice(at, at + size);
    const results = await all(batch.map((name) => createPod(ctx, writes, podOf(name))));
    refused = results.find((result) => result !== undefined);
    at += batch.length;
    size = Math.min(size * 2, parallelMax);
  }
  // Whoever was refused is asked again later.
  const full = refused === undefined && create.length >= passMax;
  return { refused, more: doomed.length < remove.length || full };
}

/** Returns the refusal; throws what may be better another time. */
async function createPod(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  { pod: wanted, prepare }: NewPod,
): Promise<StatusError | undefined> {
  const { client, signal } = ctx;
  const { name = '' } = wanted.metadata;
  try {
    const notYet = await prepare?.();
    if (notYet !== undefined) return refuse(ctx, name, notYet);
    writes.stored(await client.create<Pod>(podResource, wanted, { signal }));
    ctx.log.info({ pod: name }, 'pod created');
    ctx.event('Normal', 'SuccessfulCreate', `Created pod: ${name}`);
    return undefined;
  } catch (error) {
    if (hasReason(error, 'AlreadyExists')) return takeExisting(ctx, writes, name);
    if (!(error instanceof StatusError) || !isRefusal(error)) throw error;
    return refuse(ctx, name, error);
  }
}

function refuse(ctx: Reconcile<Workload>, name: string, error: StatusError): StatusError {
  ctx.event('Warning', 'FailedCreate', `Error creating pod ${name}: ${error.message}`);
  return error;
}

/** The cache was behind, or the name is another's. */
async function takeExisting(
  { client, object, signal }: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  name: string,
): Promise<StatusError | undefined> {
  const { namespace = '', uid } = object.metadata;
  const pod = await client.get<Pod>(podResource, { namespace, name }, { signal });
  if (pod.metadata.ownerReferences?.some((each) => each.controller && each.uid === uid)) {
    writes.stored(pod);
    return undefined;
  }
  const message = `pod "${name}" exists and does not belong to this workload`;
  return new StatusError(409, 'AlreadyExists', message);
}

function isRefusal({ reason }: StatusError): boolean {
  return reason === 'Forbidden' || reason === 'Invalid' || reason === 'BadRequest';
}

async function removePod(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pod: Pod,
): Promise<void> {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = pod.metadata;
  // Exactly what was judged: one that has become ready meanwhile makes this a conflict, and the
  // next pass decides anew.
  const preconditions = { uid, resourceVersion };
  try {
    const { signal } = ctx;
    await ctx.client.delete(podResource, { namespace, name }, { preconditions, signal });
    ctx.log.info({ pod: name }, 'pod deleted');
    ctx.event('Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  writes.deleted(pod);
}

/** Waits for all, then throws the first failure: nothing goes on behind the caller's back. */
async function all<R>(promises: readonly Promise<R>[]): Promise<readonly R[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
