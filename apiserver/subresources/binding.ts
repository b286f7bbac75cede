/** Binding pods to nodes: one by one as in Kubernetes, and many in one transaction for our scheduler. */

import { asArray, asObject, asString, at, child, copyOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { badRequest, conflict, notFound, StatusError } from '../../api/status.ts';
import { volumesBound } from '../../api/volume.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import type { Guard, GuardedWrite } from '../storage/object-store.ts';
import { admit, attributesOf } from '../verbs/admission.ts';
import { decodePlain } from '../verbs/body.ts';
import { timestamp, type VerbDeps } from '../verbs/deps.ts';
import { respondJson } from '../verbs/respond.ts';
import { type VolumeWanted, volumesWanted, volumeWrites } from './bind-volumes.ts';
import { groupErrors, partsOf } from './binding-groups.ts';
import { leaseGuard } from './lease-guard.ts';

const pods = { group: '', plural: 'pods' };
const maxBindings = 500;
/** Below `maxTxnOperations` of the store, with room for the lease. */
const writesPerTxn = 100;
const maxTries = 5;

const vms = { group: 'berth.dev', plural: 'vms' };

interface Wanted {
  readonly place: typeof pods;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string;
  /** Absent = none. Of a pod it goes into the annotation `berth.dev/allocation`. */
  readonly allocation: JsonValue | undefined;
  /** Bindings of one group are written together, or none of them. Absent = on its own. */
  readonly group?: string;
  readonly volumes: readonly VolumeWanted[];
}

/** POST `/api/v1/namespaces/<ns>/pods/<name>/binding`. */
export async function bindOne(deps: VerbDeps, context: RequestContext): Promise<ApiResponse> {
  const { info, request } = context;
  const body = decodePlain(await request.body(), request.headers['content-type'], 'Binding');
  checkBinding(body, info.name);
  const nodeName = asString(at(body, 'target', 'name'));
  const uid = asString(at(body, 'metadata', 'uid'));
  const wanted: Wanted = {
    place: pods,
    namespace: info.namespace,
    name: info.name,
    uid,
    nodeName,
    allocation: undefined,
    volumes: [],
  };
  const [error] = await bindAdmitted(deps, context, [wanted], noFence);
  if (error !== undefined) throw error;
  return respondJson(201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

/** What is wrong with a binding is an error of the server, as upstream has it. */
function checkBinding(body: JsonObject, name: string): void {
  const given = asString(at(body, 'metadata', 'name'));
  if (given !== '' && given !== name)
    throw badRequest('name in URL does not match name in Binding object');
  const kind = asString(at(body, 'target', 'kind'));
  if (kind !== '' && kind !== 'Node')
    throw new StatusError(
      500,
      '',
      `target.kind: Unsupported value: "${kind}": supported values: "Node"`,
    );
  if (asString(at(body, 'target', 'name')) === '')
    throw new StatusError(500, '', 'target.name: Required value: name the node to bind to');
}

/**
 * POST `/apis/berth.dev/v1/bindings`: a BindingList with the scheduler's lease. All bindings that are
 * still possible are written in one transaction that also compares the lease: a scheduler that has lost
 * it cannot bind. Items in a row with the same `group`, up to `bindingsPerTxn`, are bound all or none. One with
 * `volumes` and without `allocation` may be for what has that node already: it gets these Volumes there. Each
 * item of the answer is the item sent, with `error` (a Status) where it failed.
 */
export async function bindMany(deps: VerbDeps, context: RequestContext): Promise<ApiResponse> {
  const { request } = context;
  const body = decodePlain(await request.body(), request.headers['content-type'], 'BindingList');
  const items = asArray(body['items']).map((item) => asObject(item) ?? {});
  if (items.length > maxBindings)
    throw badRequest(
      `items: Too many: ${items.length}: at most ${maxBindings} bindings in one request`,
    );
  const { signal } = request;
  const lease = asObject(body['lease']);
  const term = async () => [await leaseGuard(deps, lease, signal)];
  // Whoever has lost it is told so, also where there is nothing to write.
  const errors = await bindAdmitted(deps, context, items.map(wantedOf), {
    first: await term(),
    again: term,
  });
  return respondJson(201, {
    kind: 'BindingList',
    apiVersion: 'berth.dev/v1',
    items: items.map((item, index) => {
      const error = errors[index];
      return error === undefined ? item : { ...item, error: error.toStatus() };
    }) as unknown as JsonObject[], // A Status is plain JSON.
  });
}

function wantedOf(item: JsonObject): Wanted {
  const resource = asString(item['resource']);
  if (!['', pods.plural, vms.plural].includes(resource))
    throw badRequest(
      `items[].resource: Unsupported value: "${resource}": supported values: "pods", "vms"`,
    );
  const nodeName = asString(item['nodeName']);
  if (nodeName === '') throw badRequest('items[].nodeName: Required value');
  return {
    place: resource === vms.plural ? vms : pods,
    namespace: asString(item['namespace']),
    name: asString(item['name']),
    uid: asString(item['uid']),
    nodeName,
    allocation: item['allocation'] ?? undefined,
    ...(asString(item['group']) === '' ? {} : { group: asString(item['group']) }),
    volumes: volumesWanted(item),
  };
}

/** What is compared with every write, and how it is looked up again when it has moved. */
interface Fence {
  readonly first: readonly Guard[];
  again(): Promise<readonly Guard[]>;
}

const noFence: Fence = { first: [], again: async () => [] };

/** Binds what admission lets pass; one error or `undefined` per binding. */
async function bindAdmitted(
  deps: VerbDeps,
  context: RequestContext,
  wanted: readonly Wanted[],
  fence: Fence,
): Promise<readonly (StatusError | undefined)[]> {
  const asked = await Promise.all(wanted.map((each) => admissionError(deps, context, each)));
  const errors = groupErrors(wanted, asked);
  const admitted = wanted.filter((_, index) => errors[index] === undefined);
  const ofAdmitted = await bindAll(deps, context, admitted, fence);
  let next = 0;
  return errors.map((error) => {
    if (error !== undefined) return error;
    next += 1;
    return ofAdmitted[next - 1];
  });
}

/** Each binding is admitted as if it came alone, to `pods/binding`. */
async function admissionError(
  deps: VerbDeps,
  context: RequestContext,
  { place, namespace, name, uid, nodeName }: Wanted,
): Promise<StatusError | undefined> {
  const kind = deps.registry.find(place.group, 'v1', place.plural);
  if (kind === undefined) return undefined;
  const info = { ...context.info, namespace, name, subresource: 'binding' };
  const attributes = attributesOf(
    { ...context, kind, info },
    { operation: 'CREATE', kind: { group: '', version: 'v1', kind: 'Binding' }, dryRun: false },
  );
  if (!deps.admission.handles(attributes)) return undefined;
  const metadata = { namespace, name, ...(uid === '' ? {} : { uid }) };
  const target = { kind: 'Node', name: nodeName };
  try {
    await admit(deps, attributes, { kind: 'Binding', apiVersion: 'v1', metadata, target });
    return undefined;
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
}

/** One error or `undefined` per binding, in transactions of a size that every store takes. */
async function bindAll(
  deps: VerbDeps,
  context: RequestContext,
  wanted: readonly Wanted[],
  fence: Fence,
): Promise<readonly (StatusError | undefined)[]> {
  const errors: (StatusError | undefined)[] = [];
  for (const part of partsOf(wanted, writesPerTxn))
    errors.push(...(await bindTogether(deps, context, part, fence)));
  return errors;
}

/** Races are tried again with what is then stored. */
async function bindTogether(
  deps: VerbDeps,
  context: RequestContext,
  wanted: readonly Wanted[],
  fence: Fence,
): Promise<readonly (StatusError | undefined)[]> {
  const { signal } = context.request;
  let held = fence.first;
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const isFirst = attempt === 1;
    const prepared = await Promise.all(wanted.map((each) => prepare(deps, each, isFirst, signal)));
    const results = onceEach(prepared);
    const refused = results.map((result) => (result instanceof StatusError ? result : undefined));
    const errors = groupErrors(wanted, refused);
    const writes = results.flatMap((result, index) =>
      result instanceof StatusError || errors[index] !== undefined ? [] : result,
    );
    if (writes.length === 0) return errors;
    if ((await deps.objects.writeAll(writes, held, signal)) !== undefined) return errors;
    // The holder's own renewal moves the lease's revision: look again who holds it.
    held = await fence.again();
  }
  const busy = new StatusError(409, 'Conflict', 'the pods are being changed by others, try again');
  return wanted.map(() => busy);
}

type Prepared = readonly GuardedWrite[] | StatusError;

/** Two that want the same object cannot both have it: the first gets it. */
function onceEach(prepared: readonly Prepared[]): readonly Prepared[] {
  const taken = new Set<string>();
  return prepared.map((result) => {
    if (result instanceof StatusError) return result;
    const twice = result.find(({ key }) => taken.has(key));
    if (twice === undefined) {
      for (const { key } of result) taken.add(key);
      return result;
    }
    const name = twice.key.slice(twice.key.lastIndexOf('/') + 1);
    return new StatusError(409, 'Conflict', `"${name}" goes to another binding of this request`);
  });
}

/**
 * At first of what was last heard of: the write compares its revision, so at worst it is done again with what is stored.
 * Nothing is refused by it.
 */
async function prepare(
  deps: VerbDeps,
  wanted: Wanted,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<Prepared> {
  const key = { namespace: wanted.namespace, name: wanted.name };
  const heard = isFirst ? deps.objects.heardOf(wanted.place, key) : undefined;
  const isUsable = heard !== undefined && refusal(heard, wanted) === undefined;
  const pod = isUsable ? heard : await deps.objects.get(wanted.place, key, signal);
  if (pod === undefined) {
    return notFound({ group: wanted.place.group, resource: wanted.place.plural }, wanted.name);
  }
  const refused = refusal(pod, wanted);
  if (refused !== undefined) return refused;
  const kind = wanted.place === pods ? 'Pod' : 'VM';
  const { nodeName, volumes } = wanted;
  const isLate = isLateFor(pod, wanted);
  const user = { kind, object: pod.object, nodeName, volumes, onlyNamed: isLate } as const;
  const held = await volumeWrites(deps, user, signal);
  if (held instanceof StatusError) return held;
  const object = isLate ? withoutWait(pod) : bound(pod, wanted, timestamp(deps.clock));
  return [{ key: pod.key, expected: pod.revision, object }, ...held];
}

function refusal({ object }: Cached, wanted: Wanted): StatusError | undefined {
  const what = { group: wanted.place.group, resource: `${wanted.place.plural}/binding` };
  if (wanted.uid !== '' && wanted.uid !== metaString(object, 'uid'))
    return conflict(
      what,
      wanted.name,
      `the UID in the precondition (${wanted.uid}) does not match the UID in record (${metaString(object, 'uid')})`,
    );
  if (metaString(object, 'deletionTimestamp') !== '')
    return conflict(
      what,
      wanted.name,
      `${wanted.place === pods ? 'pod' : 'vm'} ${wanted.name} is being deleted, cannot be assigned to a host`,
    );
  if (asArray(at(object, 'spec', 'schedulingGates')).length > 0)
    return conflict(what, wanted.name, `pod ${wanted.name} has non-empty .spec.schedulingGates`);
  const node = asString(at(object, 'spec', 'nodeName'));
  if (node !== '' && !isLateFor({ object }, wanted))
    return conflict(
      what,
      wanted.name,
      `${wanted.place === pods ? 'pod' : 'vm'} ${wanted.name} is already assigned to node "${node}"`,
    );
  return undefined;
}

/** It has that node already, and gets Volumes there that it began to claim since. */
function isLateFor({ object }: Pick<Cached, 'object'>, wanted: Wanted): boolean {
  if (wanted.volumes.length === 0 || wanted.allocation !== undefined) return false;
  return asString(at(object, 'spec', 'nodeName')) === wanted.nodeName;
}

function withoutWait({ object }: Cached): JsonObject {
  const next = copyOf(object);
  const status = child(next, 'status');
  status['conditions'] = asArray(status['conditions']).filter(
    (condition) => asObject(condition)?.['type'] !== volumesBound,
  );
  return next;
}

function bound({ object }: Cached, wanted: Wanted, now: string): JsonObject {
  const next = copyOf(object);
  child(next, 'spec')['nodeName'] = wanted.nodeName;
  noteAllocation(next, wanted);
  const status = child(next, 'status');
  // Wherever room was to be made for it: it has a node now.
  delete status['nominatedNodeName'];
  const others = asArray(status['conditions']).filter(
    (condition) => asObject(condition)?.['type'] !== 'PodScheduled',
  );
  status['conditions'] = [
    ...others,
    { type: 'PodScheduled', status: 'True', lastTransitionTime: now, ...words(wanted) },
  ];
  return next;
}

/** Conditions of our own kinds have both, those of pods need not. */
function words({ place }: Wanted): JsonObject {
  return place === pods ? {} : { reason: 'Scheduled', message: '' };
}

function noteAllocation(object: JsonObject, { place, allocation }: Wanted): void {
  if (allocation === undefined) return;
  if (place !== pods) child(object, 'spec')['allocation'] = allocation;
  else {
    const annotations = child(metadataOf(object), 'annotations');
    annotations['berth.dev/allocation'] = JSON.stringify(allocation);
  }
}
