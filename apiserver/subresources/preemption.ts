/** Removes the victims of preemption, fenced by the scheduler's lease as its bindings are. */
import { asArray, asObject, asString, child, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, hasReason, notFound, StatusError } from '../../api/status.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { metaString } from '../storage/cached.ts';
import { decodePlain } from '../verbs/body.ts';
import { type Deleting, deleteObject } from '../verbs/delete.ts';
import { type KindRequest, timestamp, type VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { respondJson } from '../verbs/respond.ts';
import { evictPod } from './eviction.ts';
import { leaseGuard } from './lease-guard.ts';

const victimsMax = 100;

/** A victim that changes all the time is looked at again so often. */
const maxTries = 5;

interface Victim {
  readonly resource: 'pods' | 'vms';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Whether its PodDisruptionBudget may refuse. */
  readonly respectsBudget: boolean;
}

/**
 * POST `/apis/berth.dev/v1/preemptions`: a PreemptionList with the scheduler's lease. Each victim is told by the condition
 * DisruptionTarget and deleted, gracefully, in one write that also compares the lease; with `budget: Respect` (default)
 * only if its budget allows one more disruption, which is taken from it. Each item of the answer is the item sent, with
 * `error` (a Status) where it failed; without the lease everything fails with 409.
 */
export async function preempt(deps: VerbDeps, context: RequestContext): Promise<ApiResponse> {
  const { request } = context;
  const { signal } = request;
  const body = decodePlain(await request.body(), request.headers['content-type'], 'PreemptionList');
  const items = asArray(body['items']).map((item) => asObject(item) ?? {});
  if (items.length > victimsMax)
    throw badRequest(
      `items: Too many: ${items.length}: at most ${victimsMax} victims in one request`,
    );
  const lease = asObject(body['lease']);
  const victims = items.map(victimOf);
  const term = new Term(async () => [await leaseGuard(deps, lease, signal)]);
  await term.guards();
  const answers: JsonObject[] = [];
  for (const [i, victim] of victims.entries()) {
    const error = await remove(deps, context, victim, term);
    // A Status is plain JSON.
    answers.push(
      error === undefined
        ? (items[i] ?? {})
        : ({ ...items[i], error: error.toStatus() } as unknown as JsonObject),
    );
  }
  return respondJson(201, {
    kind: 'PreemptionList',
    apiVersion: 'berth.dev/v1',
    items: answers,
  });
}

/** The scheduler's, as long as it lasts. */
class Term {
  readonly #look: () => ReturnType<NonNullable<Deleting['guards']>>;
  /** Why it is over. */
  #lost: unknown;

  constructor(look: () => ReturnType<NonNullable<Deleting['guards']>>) {
    this.#look = look;
  }

  readonly guards: NonNullable<Deleting['guards']> = async () => {
    try {
      return await this.#look();
    } catch (error) {
      this.#lost = error;
      throw error;
    }
  };

  /** Whether it is over, and not the victim the reason of this error. */
  isLost(error: unknown): boolean {
    return error === this.#lost;
  }
}

function victimOf(item: JsonObject): Victim {
  const { resource = 'pods', budget = 'Respect' } = item;
  if (resource !== 'pods' && resource !== 'vms')
    throw badRequest(
      `items[].resource: Unsupported value: ${JSON.stringify(resource)}: supported values: "pods", "vms"`,
    );
  if (budget !== 'Respect' && budget !== 'Ignore')
    throw badRequest(
      `items[].budget: Unsupported value: ${JSON.stringify(budget)}: supported values: "Ignore", "Respect"`,
    );
  const uid = asString(item['uid']);
  if (uid === '') throw badRequest('items[].uid: Required value');
  return {
    resource,
    namespace: asString(item['namespace']),
    name: asString(item['name']),
    uid,
    respectsBudget: budget === 'Respect',
  };
}

/** Why it is not removed; throws when that is because the term is over. */
async function remove(
  deps: VerbDeps,
  context: RequestContext,
  victim: Victim,
  term: Term,
): Promise<StatusError | undefined> {
  const { resource, namespace, name, uid } = victim;
  const group = resource === 'pods' ? '' : 'berth.dev';
  const kind = deps.registry.find(group, 'v1', resource);
  if (kind === undefined) return notFound({ group, resource }, name);
  const verb = 'delete';
  const info = { ...context.info, group, version: 'v1', resource, namespace, name, verb };
  const request: KindRequest = { ...context, kind, info };
  const isPod = resource === 'pods';
  const deleting: Deleting = {
    dryRun: false,
    graceSeconds: undefined,
    propagation: undefined,
    uid,
    resourceVersion: undefined,
    options: undefined,
    guards: term.guards,
    // The conditions of machines only their node writes.
    ...(isPod ? { amend: (marked) => tellTarget(marked, timestamp(deps.clock)) } : {}),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (isPod && victim.respectsBudget) await evictPod(deps, request, deleting);
      else await deleteObject(deps, request, deleting);
      return undefined;
    } catch (error) {
      if (!(error instanceof StatusError) || term.isLost(error)) throw error;
      if (!hasReason(error, 'Conflict') || attempt >= maxTries) return error;
      // Judged by a version of it that is old by now, unless it is another one of its name.
      const now = await currentObject(deps, request);
      if (now === undefined || metaString(now.object, 'uid') !== uid) return error;
    }
  }
}

function tellTarget(pod: JsonObject, now: string): void {
  const status = child(pod, 'status');
  const type = 'DisruptionTarget';
  status['conditions'] = [
    ...objectsOf(status['conditions']).filter((condition) => condition['type'] !== type),
    {
      type,
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'berth-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: now,
    },
  ];
}
