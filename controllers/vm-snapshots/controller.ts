/** Has snapshots of machines taken by their nodes, and removed before they go. */
import { formatTime } from '../../api/conditions.ts';
import type { VM, VMSnapshot } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { vmSnapshots, vms } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import { objectPath, withQuery } from '../../client/paths.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
} from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { controllerReference } from '../kit/pass.ts';

/** How soon a node that refused is asked again. */
const refusedRetryMs = 10_000;

export function vmSnapshotController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<VMSnapshot> {
  const machines = informers.for<VM>(vms);
  const cache = informers.for<VMSnapshot>(vmSnapshots);
  const ofMachine = ({ metadata }: VM) =>
    cache
      .list()
      .filter((each) => each.metadata.namespace === metadata.namespace)
      .filter((each) => each.spec.vm === metadata.name)
      .map((each) => `${each.metadata.namespace}/${each.metadata.name}`);
  const machineOf = ({ metadata, spec }: VMSnapshot) =>
    machines.get(`${metadata.namespace}/${spec.vm}`);
  return defineController<VMSnapshot>({
    name: 'vm-snapshot-controller',
    finalizerName: 'berth.dev/vm-snapshot',
    for: vmSnapshots,
    watches: [{ resource: vms, keys: (vm) => ofMachine(vm as VM) }], // As watched.
    reconcile: (_key, ctx) => reconcile(ctx, machineOf(ctx.object)),
    finalize: (_key, ctx) => finalize(ctx, machineOf(ctx.object)),
  });
}

async function reconcile(ctx: Reconcile<VMSnapshot>, vm: VM | undefined): Promise<Outcome> {
  const { object, client, signal } = ctx;
  const { vmUID, readyToUse = false } = object.status ?? {};
  if (vmUID !== undefined && vmUID !== vm?.metadata.uid) {
    const message = `vm "${object.spec.vm}", of which it was, is gone`;
    await tell(ctx, 'Failed', { readyToUse: false, message });
    return undefined;
  }
  if (readyToUse) return undefined;
  if (vm === undefined) {
    await tell(ctx, 'Pending', { message: `vm "${object.spec.vm}" not found` });
    return undefined;
  }
  if (object.metadata.ownerReferences === undefined) await own(ctx, vm);
  try {
    const { snapshot } = await client.post<Taken>(pathOf(vm, 'snapshot', object), {}, { signal });
    const { createdAtMs, memory, frozen } = snapshot;
    const { uid = '' } = vm.metadata;
    const taken = { readyToUse: true, memory, frozen, vmUID: uid };
    await tell(ctx, 'Ready', { ...taken, creationTime: formatTime(createdAtMs) });
    ctx.event('Normal', 'SnapshotTaken', `Took it of vm "${object.spec.vm}"`);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    await tell(ctx, 'Pending', { message: error.message });
    ctx.event('Warning', 'SnapshotFailed', error.message);
    return { requeueAfterMs: refusedRetryMs };
  }
}

/** With its machine gone there is nothing left of it. */
async function finalize(ctx: Reconcile<VMSnapshot>, vm: VM | undefined): Promise<Outcome> {
  const { object, client, signal } = ctx;
  const { vmUID = vm?.metadata.uid } = object.status ?? {};
  if (vm === undefined || vm.metadata.uid !== vmUID || vm.spec.nodeName === undefined)
    return undefined;
  try {
    await client.post(pathOf(vm, 'unsnapshot', object), {}, { signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  return undefined;
}

/** What a node answers to `snapshot`; see `agent/server/machines.ts`. */
interface Taken {
  readonly snapshot: {
    readonly createdAtMs: number;
    readonly memory: boolean;
    readonly frozen: boolean;
  };
}

/** It goes with its machine. */
async function own({ object, client, signal }: Reconcile<VMSnapshot>, vm: VM): Promise<void> {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = object.metadata;
  const reference = { ...controllerReference(vms, vm), blockOwnerDeletion: false };
  const metadata = { uid, resourceVersion, ownerReferences: [{ ...reference }] };
  await client.patch(vmSnapshots, { namespace, name }, { metadata }, { signal });
}

async function tell(
  ctx: Reconcile<VMSnapshot>,
  phase: 'Pending' | 'Ready' | 'Failed',
  facts: JsonObject & { readonly message?: string },
): Promise<void> {
  const { observedGeneration: _, conditions: __, message: ___, ...known } = ctx.object.status ?? {};
  const { message = '' } = facts;
  const reason = phase === 'Ready' ? 'Taken' : phase === 'Failed' ? 'MachineGone' : 'NotTaken';
  const status = phase === 'Ready' ? 'True' : 'False';
  // What is left out would stay.
  const said = message === '' ? null : message;
  await ctx.setStatus({ ...known, ...facts, message: said, phase }, [
    { type: 'Ready', status, reason, message },
  ]);
}

function pathOf(
  { metadata }: VM,
  subresource: 'snapshot' | 'unsnapshot',
  { metadata: { uid = '' } }: VMSnapshot,
): string {
  const { namespace = '', name = '' } = metadata;
  return withQuery(objectPath(vms, { namespace, name }, subresource), { snapshot: uid });
}
