/** Looks now and then whether what runs has its networks by CNI still, and tells what they are. */
import type { InstanceStatus } from '../../runtime/runtime.ts';
import { networkStatus } from '../networks/network-status.ts';
import type { PodContext } from './pod-context.ts';

/** How often the plugins are asked. */
const checkMs = 60_000;

export async function followNetworks(
  context: PodContext,
  status: InstanceStatus | undefined,
): Promise<void> {
  const { cni, memory, clock, uid, signal, events, pod } = context;
  const runs = status?.containers.some(({ state }) => state.phase === 'running') === true;
  const attachments = runs && cni !== undefined ? await cni.attachments(uid) : [];
  if (cni === undefined || attachments.length === 0) {
    delete memory.networks;
    return;
  }
  const { networks: seen } = memory;
  if (seen === undefined || clock.now() < (seen.checkedAtMs ?? 0) + checkMs) {
    memory.networks = { ...seen, attachments };
    return;
  }
  const before = seen.trouble;
  const trouble = await cni.check(uid, { signal });
  if (trouble !== undefined && trouble !== before) {
    const warning = { involvedObject: pod, type: 'Warning' } as const;
    events.recordEvent({ ...warning, reason: 'NetworkCheckFailed', message: trouble });
  }
  const found = trouble === undefined ? {} : { trouble };
  memory.networks = { attachments, checkedAtMs: clock.now(), ...found };
}

/** For the status of a pod. */
export function networkFacts({ memory }: Pick<PodContext, 'memory'>): {
  readonly networkTrouble?: string;
  readonly networkStatus?: string;
} {
  const { networks } = memory;
  if (networks === undefined) return {};
  return {
    networkStatus: networkStatus(networks.attachments),
    ...(networks.trouble === undefined ? {} : { networkTrouble: networks.trouble }),
  };
}
