/** What `berth rollout status` says of a Workload, in kubectl's words. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { Workload } from '../../api/kinds.gen.ts';

export type RolloutStatus =
  | { readonly type: 'waiting'; readonly message: string }
  | { readonly type: 'done'; readonly message: string }
  | { readonly type: 'failed'; readonly message: string };

export function rolloutStatus({ metadata, spec, status }: Workload): RolloutStatus {
  const name = `workload "${metadata.name}"`;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return waiting('Waiting for workload spec update to be observed...');
  }
  if (spec.running === false) {
    const message = `${name} is stopped: set spec.running to true to roll it out`;
    return { type: 'failed', message };
  }
  const progressing = findCondition(status?.conditions, 'Progressing');
  const stalled = findCondition(status?.conditions, 'Stalled');
  if (stalled?.status === 'True') {
    return { type: 'failed', message: `${name} cannot be rolled out: ${stalled.message}` };
  }
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    const message = `${name} exceeded its progress deadline: ${progressing.message}`;
    return { type: 'failed', message };
  }
  if (progressing?.reason === 'ConfigMissing') {
    return waitingFor(name, progressing.message ?? '');
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  const desired = desiredOf(spec) ?? replicas;
  if (updatedReplicas < desired) {
    const paused = spec.paused === true ? ' (paused: see "berth rollout resume")' : '';
    const counts = `${updatedReplicas} out of ${desired} new replicas have been updated`;
    return waitingFor(name, `${counts}${paused}...`);
  }
  if (replicas > updatedReplicas) {
    const old = replicas - updatedReplicas;
    return waitingFor(name, `${old} old replicas are pending termination...`);
  }
  if (availableReplicas < updatedReplicas) {
    const counts = `${availableReplicas} of ${updatedReplicas} updated replicas are available`;
    return waitingFor(name, `${counts}...`);
  }
  if (status?.currentRevision !== status?.updateRevision) {
    return waitingFor(name, 'restarted replicas have not been ready for long enough...');
  }
  return { type: 'done', message: `${name} successfully rolled out` };
}

/** Undefined where the number goes by nodes. */
function desiredOf({ placement, replicas = 1 }: Workload['spec']): number | undefined {
  const { strategy, perNode, nodes } = placement ?? {};
  const byNode = strategy === 'Each' || strategy === 'Fill';
  return byNode && (perNode ?? nodes) !== undefined ? undefined : replicas;
}

function waitingFor(name: string, what: string): RolloutStatus {
  return waiting(`Waiting for ${name} rollout to finish: ${what}`);
}

function waiting(message: string): RolloutStatus {
  return { type: 'waiting', message };
}
