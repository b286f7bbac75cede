/** What a node tells of a snapshot. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { formatTime, setCondition } from '../../api/conditions.ts';
import type { VolumeSnapshot, VolumeSnapshotStatus } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatQuantity } from '../../api/quantity.ts';
import type { Problem } from './volume-status.ts';

export type SnapshotState =
  /** It is there; of one that was taken before, only where. */
  | {
      readonly type: 'taken';
      readonly path: string;
      readonly sizeBytes: bigint;
      readonly takenAtMs?: number;
      readonly frozen?: boolean;
    }
  | { readonly type: 'problem'; readonly problem: Problem; readonly lost: boolean };

export function snapshotStatus(
  { status = {}, metadata }: VolumeSnapshot,
  state: SnapshotState,
  nowMs: number,
): VolumeSnapshotStatus {
  const observed =
    metadata.generation === undefined ? {} : { observedGeneration: metadata.generation };
  const { message: _, ...before } = status;
  if (state.type === 'problem') {
    const { reason, message } = state.problem;
    const ready = { type: 'Ready', status: 'False' as const, reason, message, ...observed };
    return {
      ...before,
      ...observed,
      phase: state.lost ? 'Failed' : 'Pending',
      readyToUse: false,
      message,
      conditions: setCondition(status.conditions, ready, nowMs),
    };
  }
  const { path, sizeBytes, takenAtMs, frozen } = state;
  const ready = {
    type: 'Ready',
    status: 'True' as const,
    reason: 'Taken',
    message: '',
    ...observed,
  };
  return {
    ...before,
    ...observed,
    phase: 'Ready',
    readyToUse: true,
    restoreSize: formatQuantity({ value: sizeBytes }, 'BinarySI'),
    path,
    ...(takenAtMs === undefined ? {} : { creationTime: formatTime(takenAtMs) }),
    ...(frozen === undefined ? {} : { frozen }),
    conditions: setCondition(status.conditions, ready, nowMs),
  };
}

const told = [
  'observedGeneration',
  'phase',
  'message',
  'readyToUse',
  'creationTime',
  'restoreSize',
  'frozen',
  'path',
  'conditions',
] as const;

/** What has to be written; `undefined` when nothing has. */
export function snapshotPatch(
  before: VolumeSnapshotStatus | undefined,
  after: VolumeSnapshotStatus,
): JsonObject | undefined {
  const patch: JsonObject = {};
  for (const field of told) {
    if (isDeepStrictEqual(before?.[field], after[field])) continue;
    // A status consists of JSON values only.
    patch[field] = (after[field] ?? null) as JsonObject[string];
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
