/**
 * The history of a workload: one ControllerRevision for each content that was ever rolled out.
 * Source: kubernetes pkg/controller/history/controller_history.go (same content gets a higher number).
 */

import { equal } from '../../api/json.ts';
import type { ControllerRevision, Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { controllerRevisions, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { controllerReference } from '../kit/pass.ts';
import { type Content, contentHash, contentIn } from './content.ts';
import { templateHashLabel, workloadLabel } from './plan.ts';
import { labelValue, nameWithHash } from './pod-object.ts';

export interface Revision {
  readonly name: string;
  readonly hash: string;
  readonly number: number;
  readonly content: Content;
  /** Why it must not be tried again, if so. */
  readonly failure: string | undefined;
  readonly object: ControllerRevision;
}

/** Why somebody made the change, in their words; kubectl's annotation. */
const causeAnnotation = 'kubernetes.io/change-cause';

/** On a revision that was undone: what was in its way. */
const failureAnnotation = 'berth.dev/rollout-failure';

/** What tries to find a free name, before the next pass tries again. */
const collisionsMax = 10;

type Writes = OwnWrites<ControllerRevision>;

/** Oldest first, own last writes included. */
export function historyOf(ctx: Reconcile<Workload>, writes: Writes): readonly Revision[] {
  const { uid = '' } = ctx.object.metadata;
  const known = ctx.informers.for<ControllerRevision>(controllerRevisions);
  return writes
    .over(known.byIndex(byController, uid), (object) => isControlledBy(object, uid))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((object) => asRevision(object) ?? [])
    .sort((a, b) => a.number - b.number || (a.name < b.name ? -1 : 1));
}

export interface Ensured {
  readonly revision: Revision;
  readonly collisions: number;
}

/** The revision of that content as the newest of the history: made, or given a higher number. */
export async function ensureRevision(
  ctx: Reconcile<Workload>,
  writes: Writes,
  history: readonly Revision[],
  content: Content,
): Promise<Ensured> {
  const collisions = ctx.object.status?.collisionCount ?? 0;
  const same = history.filter((each) => isSame(each.content, content)).at(-1);
  const newest = history.at(-1);
  const number = (newest?.number ?? 0) + 1;
  if (same === undefined) return createRevision(ctx, writes, content, number);
  if (same === newest) return { revision: await follow(ctx, writes, same), collisions };
  // Wanted anew: whatever failed the last time may be tried again.
  const annotations = { ...causeOf(ctx.object), [failureAnnotation]: null };
  const patch = { revision: number, metadata: { annotations } };
  return { revision: await patchRevision(ctx, writes, same, patch), collisions };
}

/** Remembers that it must not be tried again. */
export function markFailed(
  ctx: Reconcile<Workload>,
  writes: Writes,
  revision: Revision,
  why: string,
): Promise<Revision> {
  const patch = { metadata: { annotations: { [failureAnnotation]: why } } };
  return patchRevision(ctx, writes, revision, patch);
}

/** Which revisions may go: all but the live ones and the newest `limit` of the others. Pure. */
export function surplusRevisions(
  history: readonly Revision[],
  live: ReadonlySet<string>,
  limit: number,
): readonly Revision[] {
  const spare = history.filter(({ hash }) => !live.has(hash));
  return spare.slice(0, Math.max(spare.length - limit, 0));
}

/** The hashes that pods still carry. */
export function hashesOf(pods: readonly Pod[]): readonly string[] {
  return pods.flatMap(({ metadata }) => metadata.labels?.[templateHashLabel] ?? []);
}

export async function deleteRevision(
  { client, log, signal }: Reconcile<Workload>,
  writes: Writes,
  { object }: Revision,
): Promise<void> {
  const { namespace = '', name = '', uid, resourceVersion = '' } = object.metadata;
  // Exactly what was judged: it may have been made the newest meanwhile.
  const preconditions = { ...(uid === undefined ? {} : { uid }), resourceVersion };
  try {
    await client.delete(controllerRevisions, { namespace, name }, { preconditions, signal });
    log.info({ revision: name }, 'revision deleted');
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  writes.deleted(object);
}

function asRevision(object: ControllerRevision): Revision | undefined {
  const content = contentIn(object);
  const { name = '', labels, annotations } = object.metadata;
  const hash = labels?.[templateHashLabel];
  if (content === undefined || hash === undefined) return undefined;
  const failure = annotations?.[failureAnnotation];
  return { name, hash, number: Number(object.revision), content, failure, object };
}

async function createRevision(
  ctx: Reconcile<Workload>,
  writes: Writes,
  content: Content,
  number: number,
): Promise<Ensured> {
  const { client, object, signal } = ctx;
  const { namespace = '' } = object.metadata;
  const first = object.status?.collisionCount ?? 0;
  for (let collisions = first; ; collisions += 1) {
    const wanted = revisionObject(object, content, number, collisions);
    const { name = '' } = wanted.metadata;
    try {
      const made = await client.create<ControllerRevision>(controllerRevisions, wanted, { signal });
      writes.stored(made);
      ctx.log.info({ revision: name, number }, 'revision made');
      return { revision: sureRevision(made), collisions };
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists') || collisions - first >= collisionsMax) throw error;
      const key = { namespace, name };
      const found = await client.get<ControllerRevision>(controllerRevisions, key, { signal });
      const kept = contentIn(found);
      const same = kept !== undefined && isSame(kept, content);
      const owner = found.metadata.ownerReferences?.find(({ controller }) => controller);
      if (!same || (owner !== undefined && owner.uid !== object.metadata.uid)) continue;
      // The cache was behind, or a workload of this name was deleted without its children.
      const { resourceVersion } = found.metadata;
      const ownerReferences = [{ ...controllerReference(workloads, object) }];
      const patch = { revision: number, metadata: { resourceVersion, ownerReferences } };
      const revision = await patchRevision(ctx, writes, sureRevision(found), patch);
      return { revision, collisions };
    }
  }
}

function revisionObject(
  workload: Workload,
  content: Content,
  revision: number,
  collisions: number,
): ControllerRevision {
  const { name = '', namespace = '' } = workload.metadata;
  const hash = contentHash(content, collisions);
  const annotations = causeOf(workload);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: nameWithHash(name, hash),
      namespace,
      labels: { [workloadLabel]: labelValue(name), [templateHashLabel]: hash },
      ...(annotations[causeAnnotation] === null ? {} : { annotations: texts(annotations) }),
      ownerReferences: [controllerReference(workloads, workload)],
    },
    data: { spec: asJson(content) },
    revision,
  };
}

/** For a patch: null takes an old cause away. */
function causeOf({ metadata }: Workload): Readonly<Record<string, string | null>> {
  return { [causeAnnotation]: metadata.annotations?.[causeAnnotation] ?? null };
}

function texts(annotations: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, text ?? '']));
}

/** The newest revision's cause is what the workload says now. */
async function follow(
  ctx: Reconcile<Workload>,
  writes: Writes,
  revision: Revision,
): Promise<Revision> {
  const annotations = causeOf(ctx.object);
  const now = revision.object.metadata.annotations?.[causeAnnotation] ?? null;
  if (now === annotations[causeAnnotation]) return revision;
  return patchRevision(ctx, writes, revision, { metadata: { annotations } });
}

async function patchRevision(
  { client, signal }: Reconcile<Workload>,
  writes: Writes,
  { object }: Revision,
  patch: JsonObject,
): Promise<Revision> {
  const { namespace = '', name = '' } = object.metadata;
  const patched = await client.patch<ControllerRevision>(
    controllerRevisions,
    { namespace, name },
    patch,
    { signal },
  );
  writes.stored(patched);
  return sureRevision(patched);
}

/** Of an object that was one before; its data cannot change. */
function sureRevision(object: ControllerRevision): Revision {
  const revision = asRevision(object);
  if (revision === undefined) throw new Error(`revision ${object.metadata.name} lost its data`);
  return revision;
}

function isSame(a: Content, b: Content): boolean {
  return equal(asJson(a), asJson(b));
}

/** Contents come from JSON. */
function asJson({ runtime, template, addresses }: Content): JsonObject {
  const pool = addresses === undefined ? {} : { addresses: { ...addresses } };
  return { runtime, template: template as unknown as JsonObject, ...pool };
}

function isControlledBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((each) => each.controller && each.uid === uid) ?? false;
}
