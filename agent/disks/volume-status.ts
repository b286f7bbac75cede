/** What a node tells of a volume. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { removeCondition, setCondition } from '../../api/conditions.ts';
import type { Volume, VolumeStatus } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatQuantity } from '../../api/quantity.ts';

/** How it stands with a volume after the node has done what it could. */
export interface VolumeState {
  /** Where it lies; absent while it does not exist. */
  readonly image?: { readonly path: string; readonly sizeBytes: bigint };
  /** Why it is not there, or not as it should be. */
  readonly problem?: Problem;
}

export interface Problem {
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** It waits for something that others do; anything else has failed. */
  readonly waits: boolean;
}

export function volumeStatus(
  volume: Volume,
  { image, problem }: VolumeState,
  nowMs: number,
): VolumeStatus {
  const { status = {}, metadata } = volume;
  const observed =
    metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
  const ready =
    image === undefined
      ? { status: 'False' as const, ...wordsOf(problem ?? notMade) }
      : { status: 'True' as const, reason: 'VolumeReady', message: `lies at ${image.path}` };
  let conditions = setCondition(status.conditions, { type: 'Ready', ...ready, ...observed }, nowMs);
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const type = isDeleted ? 'DeletionPending' : 'ResizePending';
  if (isDeleted) conditions = removeCondition(conditions, 'ResizePending');
  conditions =
    image === undefined || problem === undefined
      ? removeCondition(conditions, type)
      : setCondition(conditions, { type, status: 'True', ...wordsOf(problem), ...observed }, nowMs);
  // What could not grow is as large as it was.
  const grown = problem === undefined ? image && amount(image.sizeBytes) : status.capacity;
  const capacity = grown ?? (image === undefined ? undefined : amount(image.sizeBytes));
  return {
    ...status,
    ...observed,
    phase: phaseOf(volume, image !== undefined, problem),
    ...(image === undefined ? {} : { path: image.path }),
    ...(capacity === undefined ? {} : { capacity }),
    conditions,
  };
}

const notMade: Problem = { reason: 'Pending', message: 'it is not made yet', waits: true };

function phaseOf({ metadata }: Volume, there: boolean, problem: Problem | undefined): string {
  if (metadata.deletionTimestamp !== undefined) return 'Released';
  if (there) return 'Ready';
  return problem === undefined || problem.waits ? 'Pending' : 'Failed';
}

function wordsOf({ reason, message }: Problem) {
  return { reason, message };
}

function amount(bytes: bigint): string {
  return formatQuantity({ value: bytes }, 'BinarySI');
}

/** What has to be written; `undefined` when nothing has. The holder is not the node's to tell. */
export function statusPatch(before: VolumeStatus | undefined, after: VolumeStatus) {
  const patch: JsonObject = {};
  for (const field of ['observedGeneration', 'phase', 'capacity', 'path', 'conditions'] as const) {
    if (isDeepStrictEqual(before?.[field], after[field])) continue;
    // A status consists of JSON values only.
    patch[field] = (after[field] ?? null) as JsonObject[string];
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
