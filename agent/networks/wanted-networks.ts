/** The networks by CNI that hold for an instance in this pass: what runs keeps those that it started with. */
import type { Pod } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import { type CniRequest, hasMain } from '../../runtime/cni/cni.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';
import type { InstanceStatus } from '../../runtime/runtime.ts';
import { ConfigError } from '../pod/config-error.ts';
import { cniRequests, type NodeNetwork } from './cni-requests.ts';

export interface WantedNetworks {
  readonly requests: readonly CniRequest[];
  /** What is wrong with the pod; its containers wait then. */
  readonly problem?: ConfigError;
}

export interface NetworksOfNode {
  readonly cni?: CniNetworks | undefined;
  readonly nodeNetwork: NodeNetwork;
}

export const noNetworks: WantedNetworks = { requests: [] };

/**
 * Neither an annotation nor a node that goes another way may cost a process its life: its network
 * would have to be another one. Interfaces of a machine come and go while it runs.
 */
export async function wantedNetworks(
  { cni, nodeNetwork }: NetworksOfNode,
  pod: Pod,
  found: InstanceStatus | undefined,
): Promise<WantedNetworks> {
  const runs = found?.containers.some(({ state }) => state.phase === 'running') === true;
  const attachments = (runs && (await cni?.attachments(pod.metadata.uid ?? ''))) || [];
  const had = isVm(pod) ? attachments.length > 0 : hasMain(attachments);
  const way = had ? 'cni' : 'bridge';
  try {
    const requests = cniRequests(pod, runs ? way : nodeNetwork);
    if (!runs || isVm(pod)) return { requests };
    const isThere = ({ interface: name, network }: CniRequest) =>
      attachments.some(
        (each) => each.interface === name && (network === undefined || network === each.network),
      );
    return { requests: requests.filter(isThere) };
  } catch (error) {
    if (error instanceof ConfigError) return { requests: [], problem: error };
    throw error;
  }
}
