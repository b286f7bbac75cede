/**
 * POST `/pods/<name>/eviction`: a delete that `kubectl drain` asks for, and that a
 * PodDisruptionBudget may refuse. Source: kubernetes pkg/registry/core/pod/storage/eviction.go.
 */

import { findCondition } from '../../api/conditions.ts';
import { asObject, asString, at, child, copyOf, objectsOf } from '../../api/json.ts';
import { fromLabelSelectorObject, type Labels } from '../../api/label-selector.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, forbidden, hasReason, notFound, StatusError } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import { listPrefix } from '../storage/keys.ts';
import type { Guard } from '../storage/object-store.ts';
import { admit, attributesOf } from '../verbs/admission.ts';
import { decodePlain } from '../verbs/body.ts';
import { checkPreconditions, type Deleting, deleteObject } from '../verbs/delete.ts';
import { type KindRequest, timestamp, type VerbDeps } from '../verbs/deps.ts';
import { currentObject } from '../verbs/on-current.ts';
import { deleteParameters } from '../verbs/options.ts';
import { respondJson } from '../verbs/respond.ts';

const budgets = { group: 'policy', plural: 'poddisruptionbudgets' } as const;

/** An eviction that loses a race for the pod or the budget is tried again this often. */
const maxTries = 20;

/** Longest pause after the first such race; later ones are longer. */
const pauseMs = 20;

/** Evictions that the controller has not confirmed; more are refused. */
const disruptedPodsMax = 2_000;

const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

export async function evict(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { headers, query } = request.request;
  const body = decodePlain(await request.request.body(), headers['content-type'], 'Eviction');
  const name = asString(at(body, 'metadata', 'name'));
  if (name !== '' && name !== request.info.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const parameters = deleteParameters(query, asObject(body['deleteOptions']) ?? {});
  const attributes = attributesOf(request, {
    operation: 'CREATE',
    kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
    dryRun: parameters.dryRun,
  });
  await admit(deps, attributes, { kind: 'Eviction', apiVersion: 'policy/v1', ...body });
  await evictPod(deps, request, parameters);
  return respondJson(201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

/** Deletes it as its budget allows; throws 429 where that does not. */
export async function evictPod(
  deps: VerbDeps,
  request: KindRequest,
  parameters: Deleting,
): Promise<void> {
  const { name } = request.info;
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const pod = await currentObject(deps, request);
    if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
    if (await tryToEvict(deps, request, pod, parameters)) return;
    await deps.clock.sleep(deps.random.fraction() * pauseMs * attempt, request.request.signal);
  }
  throw new StatusError(
    504,
    'Timeout',
    `Timeout: couldn't evict pod "${name}": it or its disruption budget changes all the time`,
    { retryAfterSeconds: 10 },
  );
}

/** False when the pod or its budget changed meanwhile and must be looked at again. */
async function tryToEvict(
  deps: VerbDeps,
  request: KindRequest,
  pod: Cached,
  parameters: Deleting,
): Promise<boolean> {
  // A budget gives nothing for another pod than the one that is meant.
  checkPreconditions(request, pod, parameters);
  const budget = isGuarded(pod) ? await budgetOf(deps, request, pod) : undefined;
  if (budget !== undefined && !isFree(pod, budget)) {
    const { dryRun, guards } = parameters;
    const taking = { pod, budget, dryRun, guards: (await guards?.()) ?? [] };
    if (!(await takeOne(deps, request, taking))) return false;
    // What was granted to this pod is not for another of its name.
    const uid = parameters.uid ?? metaString(pod.object, 'uid');
    await deleteObject(deps, request, { ...parameters, uid });
    return true;
  }
  // Exactly what was judged: a pod that has become ready meanwhile is judged anew.
  const resourceVersion = parameters.resourceVersion ?? String(pod.revision);
  try {
    await deleteObject(deps, request, { ...parameters, resourceVersion });
    return true;
  } catch (error) {
    const asked = parameters.uid ?? parameters.resourceVersion;
    // What the caller itself demanded does not come true by trying again.
    if (!hasReason(error, 'Conflict') || asked !== undefined) throw error;
    return false;
  }
}

/** Pods that have not begun, have ended or are going away anyway are nobody's loss. */
function isGuarded({ object }: Cached): boolean {
  const phase = asString(at(object, 'status', 'phase'));
  const idle = phase === 'Pending' || phase === 'Succeeded' || phase === 'Failed';
  return !idle && metaString(object, 'deletionTimestamp') === '';
}

/** The budget of the pod; throws when there are several. */
async function budgetOf(
  deps: VerbDeps,
  { info, request }: KindRequest,
  pod: Cached,
): Promise<Cached | undefined> {
  const { cache } = deps.objects;
  await cache.fresh(request.signal);
  const labels = asObject(metadataOf(pod.object)['labels']) ?? {};
  const texts = Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key, asString(value)]),
  );
  const found = cache
    .list(listPrefix(budgets, info.namespace))
    .filter(({ object }) => selects(asObject(at(object, 'spec', 'selector')), texts));
  if (found.length <= 1) return found[0];
  throw new StatusError(
    500,
    '',
    'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  );
}

/** A malformed selector chooses nothing, as upstream has it. */
function selects(selector: JsonObject | undefined, labels: Labels): boolean {
  try {
    return fromLabelSelectorObject(selector).matches(labels);
  } catch (error) {
    if (hasReason(error, 'BadRequest')) return false;
    throw error;
  }
}

/** A pod that is not ready costs the budget nothing, if enough others are or the policy says so. */
function isFree({ object }: Cached, { object: budget }: Cached): boolean {
  const conditions = objectsOf(at(object, 'status', 'conditions'));
  const ready = conditions.find((condition) => condition['type'] === 'Ready');
  if (ready?.['status'] === 'True') return false;
  if (at(budget, 'spec', 'unhealthyPodEvictionPolicy') === 'AlwaysAllow') return true;
  const { currentHealthy, desiredHealthy } = countsOf(budget);
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

interface Taking {
  readonly pod: Cached;
  readonly budget: Cached;
  readonly dryRun: boolean;
  readonly guards: readonly Guard[];
}

/** Takes one disruption from the budget; false when somebody else was first. Throws when none is left. */
async function takeOne(
  deps: VerbDeps,
  { info, request }: KindRequest,
  { pod, budget, dryRun, guards }: Taking,
): Promise<boolean> {
  const key = { namespace: info.namespace, name: metaString(budget.object, 'name') };
  const live = await deps.objects.get(budgets, key, request.signal);
  // Gone or changed: whether it is still this pod's budget is asked again.
  if (live === undefined || live.revision !== budget.revision) return false;
  checkBudget(live.object);
  if (dryRun) return true;
  const now = timestamp(deps.clock);
  const next = copyOf(live.object);
  const status = child(next, 'status');
  const left = Number(status['disruptionsAllowed']) - 1;
  status['disruptionsAllowed'] = left;
  child(status, 'disruptedPods')[metaString(pod.object, 'name')] = now;
  if (left === 0) refuseFurther(status, Number(metadataOf(next)['generation'] ?? 0), now);
  const result = await deps.objects.replace(live, next, request.signal, { guards });
  return result.type === 'written';
}

function checkBudget(budget: JsonObject): void {
  const name = metaString(budget, 'name');
  const { disruptionsAllowed, currentHealthy, desiredHealthy } = countsOf(budget);
  const observed = Number(at(budget, 'status', 'observedGeneration') ?? 0);
  const what = { group: 'policy', resource: 'poddisruptionbudgets' };
  if (observed < Number(metadataOf(budget)['generation'] ?? 0))
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
  if (disruptionsAllowed < 0) throw forbidden(what, name, 'pdb disruptions allowed is negative');
  if (Object.keys(asObject(at(budget, 'status', 'disruptedPods')) ?? {}).length > disruptedPodsMax)
    throw forbidden(
      what,
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  if (disruptionsAllowed > 0) return;
  const failed = conditionsOf(budget).find(({ reason }) => reason === 'SyncFailed');
  throw tooMany(
    failed === undefined
      ? `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
      : `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`,
    0,
  );
}

function tooMany(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(429, 'TooManyRequests', refusal, {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  });
}

function countsOf(budget: JsonObject) {
  const count = (field: string) => Number(at(budget, 'status', field) ?? 0);
  return {
    disruptionsAllowed: count('disruptionsAllowed'),
    currentHealthy: count('currentHealthy'),
    desiredHealthy: count('desiredHealthy'),
  };
}

function conditionsOf(budget: JsonObject) {
  return objectsOf(at(budget, 'status', 'conditions')).map((condition) => ({
    type: asString(condition['type']),
    status: asString(condition['status']),
    reason: asString(condition['reason']),
    message: asString(condition['message']),
    lastTransitionTime: asString(condition['lastTransitionTime']),
  }));
}

/** The budget is used up: its condition says so at once. */
function refuseFurther(status: JsonObject, observedGeneration: number, now: string): void {
  const type = 'DisruptionAllowed';
  const conditions = objectsOf(status['conditions']);
  const old = findCondition(conditionsOf({ status }), type);
  const since = old?.status === 'False' ? old.lastTransitionTime : now;
  status['conditions'] = [
    ...conditions.filter((condition) => condition['type'] !== type),
    {
      type,
      status: 'False',
      reason: 'InsufficientPods',
      message: '',
      observedGeneration,
      lastTransitionTime: since,
    },
  ];
}
