/** The end of a pass: says how far the rollout is, undoes one that failed, and clears old revisions. */
import type { ControllerRevision, Pod, Workload } from '../../api/kinds.gen.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { pruneCopies } from './config-copies.ts';
import { type Progress, progressOf } from './progress.ts';
import {
  deleteRevision,
  hashesOf,
  historyOf,
  markFailed,
  type Revision,
  surplusRevisions,
} from './revisions.ts';
import { exceededMessage, type StatusInput, workloadStatus } from './status.ts';
import type { Target } from './target.ts';

const defaultHistoryLimit = 10;

/** `waitMs` is when to look again, if at all. */
export async function settle(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<ControllerRevision>,
  seen: Omit<StatusInput, 'progress'>,
): Promise<{ readonly waitMs: number | undefined }> {
  const { target, pods } = seen;
  const progress = progressIn(ctx.object, seen);
  const input: StatusInput = { ...seen, progress };
  const { status, conditions } = workloadStatus(input);
  tellChanges(ctx, target, progress);
  await ctx.setStatus(status, conditions);
  if (progress?.exceeded && (await undo(ctx, writes, input, progress))) return { waitMs: 0 };
  await clear(ctx, writes, target, pods);
  return { waitMs: progress?.waitMs };
}

function progressIn(
  workload: Workload,
  { desired, target, pods, nowMs }: Omit<StatusInput, 'progress'>,
): Progress | undefined {
  const { revision, fallback, missing } = target;
  if (revision === undefined) return undefined;
  const blocked = missing !== undefined;
  const current = fallback?.name;
  return progressOf({ workload, desired, target: revision, current, pods, blocked, nowMs });
}

function tellChanges(
  ctx: Reconcile<Workload>,
  { revision, missing }: Target,
  progress: Progress | undefined,
): void {
  const { status } = ctx.object;
  const reason = status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
  if (missing !== undefined && reason !== 'ConfigMissing') {
    ctx.event('Warning', 'ConfigMissing', `${missing} not found: the rollout waits for it`);
  }
  if (revision === undefined) return;
  const what = `revision ${revision.number} (${revision.name})`;
  if (status?.updateRevision !== revision.name) {
    ctx.event('Normal', 'RolloutStarted', `Rolling out ${what}`);
  }
  const current = progress?.status.currentRevision;
  if (current === revision.name && status?.currentRevision !== current) {
    ctx.event('Normal', 'RolloutComplete', `Rolled out ${what}`);
  }
  if (progress?.exceeded && reason !== 'ProgressDeadlineExceeded') {
    ctx.event('Warning', 'ProgressDeadlineExceeded', `The rollout of ${what} makes no progress`);
  }
}

/** Back to what was rolled out last, if that is what the workload asks for and there is such. */
async function undo(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<ControllerRevision>,
  input: StatusInput,
  progress: Progress,
): Promise<boolean> {
  const { revision, fallback } = input.target;
  if (ctx.object.spec.update?.onFailure !== 'Undo') return false;
  if (revision === undefined || fallback === undefined) return false;
  await markFailed(ctx, writes, revision, exceededMessage(input, progress));
  ctx.event('Warning', 'RolloutUndone', `Back to revision ${fallback.number} (${fallback.name})`);
  return true;
}

/** Old revisions beyond the limit, and the copies of configuration that no kept one names. */
async function clear(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<ControllerRevision>,
  { revision, fallback, failed }: Target,
  pods: readonly Pod[],
): Promise<void> {
  if (revision === undefined) return;
  const inUse = [revision, fallback, failed].flatMap((each) => each?.hash ?? []);
  const live = new Set([...inUse, ...hashesOf(pods)]);
  const limit = ctx.object.spec.revisionHistoryLimit ?? defaultHistoryLimit;
  const surplus = surplusRevisions(historyOf(ctx, writes), live, limit);
  for (const old of surplus) await deleteRevision(ctx, writes, old);
  const kept = historyOf(ctx, writes).map(({ content }: Revision) => content.template);
  await pruneCopies(ctx, kept);
}
