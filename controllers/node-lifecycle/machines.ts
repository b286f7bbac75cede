/**
 * Machines (VMs) of a node that is silent or dead. They are never replaced elsewhere, since their disks lie there: they
 * say so, and one that was deleted goes when a person has declared its node dead, as nobody else confirms its end.
 */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { VM } from '../../api/kinds.gen.ts';
import { vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { byNode, forAll, type NodeLifecycleContext, patchExactly, plain } from './context.ts';
import { outOfServiceTaint } from './node-health.ts';

const reason = 'NodeUnreachable';

export function machinesOn({ informers }: NodeLifecycleContext, node: string): readonly VM[] {
  return informers.for<VM>(vms).byIndex(byNode, node);
}

/** The agent says better when it is back. */
export function markMachines(ctx: NodeLifecycleContext, node: string): Promise<boolean> {
  const message =
    `Node ${node} does not answer. The machine is not moved elsewhere, because its disks lie there and it may ` +
    `still run. If the node is off for good, delete the machine, and say so: kubectl delete node ${node}, ` +
    `or kubectl taint node ${node} ${outOfServiceTaint}=:NoExecute`;
  return forAll(ctx, machinesOn(ctx, node).filter(needsMark), (vm) => mark(ctx, vm, message));
}

/** Of a node that does not exist, or is out of service. */
export async function collectMachines(ctx: NodeLifecycleContext, node: string): Promise<void> {
  const machines = machinesOn(ctx, node);
  const doomed = machines.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  await forAll(ctx, doomed, async ({ metadata }) => {
    const { namespace = '', name = '', uid = '' } = metadata;
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal: ctx.signal };
    try {
      await ctx.client.delete(vms, { namespace, name }, options);
      ctx.log.info({ vm: name, namespace, node }, 'machine of a dead node removed');
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  });
  const message = `Node ${node} is dead, and the machine's disks with it: delete it and make it anew`;
  const rest = machines.filter((vm) => !doomed.includes(vm) && needsMark(vm));
  await forAll(ctx, rest, (vm) => mark(ctx, vm, message));
}

async function mark(ctx: NodeLifecycleContext, vm: VM, message: string): Promise<void> {
  const before = vm.status?.conditions ?? [];
  const old = findCondition(before, 'Ready');
  const since = old?.status === 'False' ? old.lastTransitionTime : undefined;
  const lastTransitionTime = since ?? formatTime(ctx.clock.now());
  const ready = { type: 'Ready', status: 'False', reason, message, lastTransitionTime };
  const conditions = [...before.filter(({ type }) => type !== 'Ready'), ready];
  await patchExactly(ctx, vms, vm, { status: { conditions: plain(conditions) } }, 'status');
  ctx.events.recordEvent({ involvedObject: vm, type: 'Warning', reason, message });
}

/** What is stopped or has ended is as it was. */
const idle: ReadonlySet<string | undefined> = new Set(['Stopped', 'Saved', 'Failed', 'Succeeded']);

function needsMark({ metadata, status }: VM): boolean {
  if (metadata.deletionTimestamp !== undefined || idle.has(status?.phase)) return false;
  return findCondition(status?.conditions, 'Ready')?.reason !== reason;
}
