/** DELETE of one object or of a collection: finalizers, grace periods, propagation, preconditions. */

import { asArray, asObject, copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { conflict, notFound, type Status } from '../../api/status.ts';
import type { ApiResponse } from '../request/request.ts';
import { type Cached, metadataOf, metaString } from '../storage/cached.ts';
import type { Guard } from '../storage/object-store.ts';
import { admit, attributesOf } from './admission.ts';
import { decodePlain } from './body.ts';
import { unstored } from './commit-create.ts';
import { stale } from './commit-update.ts';
import { methodNotAllowed } from './create.ts';
import { type KindRequest, timestamp, type VerbDeps } from './deps.ts';
import { selectedObjects } from './list.ts';
import { onCurrent } from './on-current.ts';
import { type DeleteParameters, deleteParameters } from './options.ts';
import { respondJson, respondList, respondObject } from './respond.ts';
import { viewOf } from './view.ts';

/** What a delete did to one object. */
export type Deleted =
  | { readonly type: 'removed'; readonly object: Cached }
  | { readonly type: 'marked'; readonly object: Cached };

/** What a delete carries that did not come with the request. */
export interface Deleting extends DeleteParameters {
  /** What is compared with the write, looked up anew for each attempt. Throws where nothing may be written any more. */
  readonly guards?: () => Promise<readonly Guard[]>;
  /** Changes what is marked, in the same write. */
  readonly amend?: (marked: JsonObject) => void;
}

export async function deleteOne(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind } = request;
  const parameters = await parametersOf(request);
  const result = await deleteObject(deps, request, parameters);
  if (result.type === 'marked' || kind.strategy.returnsDeleted)
    return respondObject(deps, request, result.object, 200);
  return respondJson(200, success(request, result.object));
}

/** Deletes every object that the selectors choose; answers with the list of them. */
export async function deleteCollection(deps: VerbDeps, request: KindRequest): Promise<ApiResponse> {
  const { kind, info } = request;
  if (!kind.strategy.deleteCollection) throw methodNotAllowed();
  const parameters = await parametersOf(request);
  const { objects, revision } = await selectedObjects(deps, request);
  const deleted: Cached[] = [];
  for (const object of objects) {
    const name = metaString(object.object, 'name');
    const namespace = metaString(object.object, 'namespace');
    const one: KindRequest = { ...request, info: { ...info, name, namespace } };
    try {
      deleted.push((await deleteObject(deps, one, parameters)).object);
    } catch (error) {
      // Gone in the meantime is what was wanted.
      if (!isNotFound(error)) throw error;
    }
  }
  return respondList(deps, request, { objects: deleted, revision });
}

async function parametersOf({ request }: KindRequest): Promise<DeleteParameters> {
  const bytes = await request.body();
  const body = decodePlain(bytes, request.headers['content-type'], 'DeleteOptions');
  return deleteParameters(request.query, body);
}

/** Marks or removes the object that `request` names. */
export async function deleteObject(
  deps: VerbDeps,
  request: KindRequest,
  parameters: Deleting,
): Promise<Deleted> {
  const { kind, info } = request;
  kind.strategy.checkDelete?.({ name: info.name });
  const result = await onCurrent(deps, request, async ({ old, isCurrent }) => {
    if (old === undefined) throw notFound({ group: kind.group, resource: kind.plural }, info.name);
    checkPreconditions(request, old, parameters);
    // An eviction is judged as one, and not as a delete once more.
    if (info.subresource === '') await admitDelete(deps, request, old, parameters);
    return deleteCurrent(deps, request, { old, isCurrent }, parameters);
  });
  if (result === undefined) throw stale(request);
  return result;
}

async function admitDelete(
  deps: VerbDeps,
  request: KindRequest,
  old: Cached,
  { dryRun, options }: DeleteParameters,
): Promise<void> {
  const { info, kind } = request;
  const name = info.verb === 'deletecollection' ? '' : info.name;
  const { object } = viewOf(old, kind);
  const input = { operation: 'DELETE', name, dryRun, old: object, options } as const;
  await admit(deps, attributesOf(request, input), undefined);
}

async function deleteCurrent(
  deps: VerbDeps,
  request: KindRequest,
  { old, isCurrent }: { readonly old: Cached; isCurrent(): Promise<boolean> },
  parameters: Deleting,
): Promise<Deleted | undefined> {
  // Without a write nothing would tell that the object is another one by now.
  if (parameters.dryRun && !(await isCurrent())) return undefined;
  const { strategy } = request.kind;
  const { signal } = request.request;
  const next = marked(deps, request, old, parameters);
  const metadata = metadataOf(next);
  const held =
    asArray(metadata['finalizers']).length > 0 ||
    strategy.retained?.(next) === true ||
    Number(metadata['deletionGracePeriodSeconds'] ?? 0) > 0;
  if (!held) {
    // A kind with grace periods says that there was none left.
    const object = strategy.deletion === undefined ? old : unstored(next);
    if (parameters.dryRun) return { type: 'removed', object };
    const revision = await deps.objects.remove(old, signal, await parameters.guards?.());
    return revision === undefined ? undefined : { type: 'removed', object };
  }
  if (JSON.stringify(metadata) === JSON.stringify(metadataOf(old.object)))
    return (await isCurrent()) ? { type: 'marked', object: old } : undefined;
  if (parameters.dryRun) return { type: 'marked', object: unstored(next) };
  parameters.amend?.(next);
  const guards = (await parameters.guards?.()) ?? [];
  const result = await deps.objects.replace(old, next, signal, { guards });
  return result.type === 'written' ? { type: 'marked', object: result.stored } : undefined;
}

/** 292 years, as much as a Go duration holds: more has no date, and upstream's turns into the past. */
const maxGraceSeconds = 9_223_372_036;

/** The object with its deletion timestamp, grace period and the finalizers of the propagation policy. */
function marked(
  deps: VerbDeps,
  request: KindRequest,
  old: Cached,
  parameters: DeleteParameters,
): JsonObject {
  const { strategy } = request.kind;
  const next = copyOf(old.object);
  const metadata = metadataOf(next);
  const deletion = strategy.deletion?.(next, parameters.graceSeconds) ?? { type: 'now' };
  const seconds = deletion.type === 'graceful' ? Math.min(deletion.seconds, maxGraceSeconds) : 0;
  const already = metadata['deletionTimestamp'] !== undefined;
  const before = Number(metadata['deletionGracePeriodSeconds'] ?? 0);
  // A running grace period may be shortened, never prolonged.
  const grace = already ? Math.min(before, seconds) : seconds;
  if (!already || grace < before) {
    metadata['deletionTimestamp'] = timestamp({
      ...deps.clock,
      now: () => deps.clock.now() + grace * 1_000,
    });
    metadata['deletionGracePeriodSeconds'] = grace;
  }
  if (!already && strategy.generation)
    metadata['generation'] = Number(metadata['generation'] ?? 0) + 1;
  if (!already) strategy.beginDeletion?.(next, deps.clock.now());
  const finalizers = withPropagation(asArray(metadata['finalizers']), parameters.propagation);
  if (finalizers.length > 0) metadata['finalizers'] = finalizers;
  else delete metadata['finalizers'];
  return next;
}

function withPropagation(
  finalizers: readonly unknown[],
  policy: DeleteParameters['propagation'],
): string[] {
  const names = finalizers.filter((name): name is string => typeof name === 'string');
  if (policy === undefined) return names;
  const others = names.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (policy === 'Foreground') return [...others, 'foregroundDeletion'];
  if (policy === 'Orphan') return [...others, 'orphan'];
  return others;
}

/** Throws 409 where it is not the object that is meant. */
export function checkPreconditions(
  request: KindRequest,
  old: Cached,
  wanted: DeleteParameters,
): void {
  const { kind, info } = request;
  const uid = metaString(old.object, 'uid');
  const what = { group: kind.group, resource: kind.kind };
  if (wanted.uid !== undefined && wanted.uid !== uid)
    throw conflict(
      what,
      info.name,
      `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== String(old.revision))
    throw conflict(
      what,
      info.name,
      `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${old.revision}). The object might have been modified`,
    );
}

function success({ kind, info }: KindRequest, object: Cached): Omit<Status, 'code'> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: info.name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
      uid: metaString(object.object, 'uid'),
    },
  };
}

function isNotFound(error: unknown): boolean {
  return asObject(error as JsonObject)?.['reason'] === 'NotFound'; // Any error can be looked at this way.
}
