/** Which revision the instances of a workload are to be of. */
import type { ControllerRevision, Pod, Workload } from '../../api/kinds.gen.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { makeCopies, namesOf, resolveConfig } from './config-copies.ts';
import { contentOf } from './content.ts';
import { ensureRevision, historyOf, type Revision } from './revisions.ts';

export interface Target {
  /** Undefined: nothing has ever been rolled out, and nothing can be now. */
  readonly revision: Revision | undefined;
  /** The one that was rolled out completely last, if it is another and still kept. */
  readonly fallback: Revision | undefined;
  /** All that is kept, oldest first. */
  readonly history: readonly Revision[];
  /** The names of configuration without which the present template cannot be rolled out. */
  readonly missing: string | undefined;
  /** What the template asks for was tried, failed and was undone. */
  readonly failed: Revision | undefined;
  readonly collisions: number;
}

export async function chooseTarget(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<ControllerRevision>,
  pods: readonly Pod[],
): Promise<Target> {
  const { spec, status } = ctx.object;
  const history = historyOf(ctx, writes);
  const current = named(history, status?.currentRevision);
  const held = named(history, status?.updateRevision) ?? history.at(-1);
  const collisions = status?.collisionCount ?? 0;
  const target = (revision: Revision | undefined, more: Partial<Target> = {}): Target => ({
    revision,
    // Where nothing runs when a rollout begins, there is nothing to keep up.
    fallback:
      current?.name === revision?.name ||
      (pods.length === 0 && status?.updateRevision !== revision?.name)
        ? undefined
        : current,
    history,
    missing: undefined,
    failed: undefined,
    collisions,
    ...more,
  });
  if (spec.paused === true) return target(held);

  const content = contentOf(ctx.object);
  const config =
    spec.update?.config === 'Live'
      ? { template: content.template, missing: [], copies: [] }
      : resolveConfig(ctx, content.template);
  const { template, missing, copies } = config;
  if (template === undefined) return target(held, { missing: namesOf(missing) });
  await makeCopies(ctx, copies);
  const wanted = { ...content, template };
  const ensured = await ensureRevision(ctx, writes, history, wanted);
  const { revision } = ensured;
  const more = { history: historyOf(ctx, writes), collisions: ensured.collisions };
  const undo = spec.update?.onFailure === 'Undo' && revision.failure !== undefined;
  if (undo && current !== undefined && current.name !== revision.name) {
    return target(current, { ...more, failed: revision });
  }
  return target(revision, more);
}

function named(history: readonly Revision[], name: string | undefined): Revision | undefined {
  return history.find((revision) => revision.name === name);
}
