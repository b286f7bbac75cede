/** The networks by CNI that an instance is to have. Pure. */
import type { Pod, VMInterface } from '../../api/kinds.gen.ts';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { podReservations } from '../../api/reservation-refs.ts';
import { isVm } from '../../api/vm-instance.ts';
import {
  type CniBandwidth,
  type CniPortMapping,
  type CniRequest,
  mainInterface,
} from '../../runtime/cni/cni.ts';
import { ConfigError } from '../pod/config-error.ts';
import { portsOf } from '../spec/container-spec.ts';
import { networkName, networksAnnotation, parseNetworks } from './network-annotation.ts';

/** What an instance that says nothing gets: the node's own way, or the first configuration of CNI. */
export type NodeNetwork = 'bridge' | 'cni';

/** Source: Multus; the network in place of the node's own. */
export const defaultNetworkAnnotation = 'v1.multus-cni.io/default-network';
/** Source: Kubernetes, "Support traffic shaping" of network plugins. */
const rateAnnotations = {
  ingressRate: 'kubernetes.io/ingress-bandwidth',
  egressRate: 'kubernetes.io/egress-bandwidth',
} as const;

/** Throws `ConfigError` with what is wrong in the pod. */
export function cniRequests(pod: Pod, nodeNetwork: NodeNetwork): readonly CniRequest[] {
  if (isVm(pod)) {
    const interfaces = pod.vm.spec.interfaces ?? [];
    return interfaces.flatMap((each, index) => interfaceRequest(each, index, nodeNetwork) ?? []);
  }
  const { [networksAnnotation]: text = '', [defaultNetworkAnnotation]: main } =
    pod.metadata.annotations ?? {};
  const more = parseNetworks(text);
  if (pod.spec.hostNetwork === true) {
    if (more.length === 0 && main === undefined) return [];
    const name = more.length > 0 ? networksAnnotation : defaultNetworkAnnotation;
    throw new ConfigError(`annotation ${name} has no meaning with hostNetwork: true`);
  }
  return [...mainRequest(pod, main, nodeNetwork), ...more];
}

/** In its namespace, of a machine's interface by its number. */
export function interfaceName(index: number): string {
  return `eth${index}`;
}

function interfaceRequest(
  { network, pool, reservation, bridge, address, mac }: VMInterface,
  index: number,
  nodeNetwork: NodeNetwork,
): CniRequest | undefined {
  const isPlain = [pool, reservation, bridge].every((each) => each === undefined);
  if (network === undefined && !(isPlain && nodeNetwork === 'cni')) return undefined;
  return {
    ...(network === undefined ? {} : { network }),
    interface: interfaceName(index),
    ...(address === undefined ? {} : { ips: [address] }),
    ...(mac === undefined ? {} : { mac }),
  };
}

function mainRequest(
  pod: Pod,
  main: string | undefined,
  nodeNetwork: NodeNetwork,
): readonly CniRequest[] {
  const hasReservation = podReservations(pod).length > 0;
  if (main !== undefined && hasReservation) {
    const words = 'and berth.dev/ip-reservation both say what eth0 is: leave one out';
    throw new ConfigError(`annotations ${defaultNetworkAnnotation} ${words}`);
  }
  if (main === undefined && (hasReservation || nodeNetwork === 'bridge')) return [];
  const bandwidth = bandwidthOf(pod);
  const portMappings = mappingsOf(pod);
  return [
    {
      ...(main === undefined ? {} : { network: networkName(main) }),
      interface: mainInterface,
      ...(bandwidth === undefined ? {} : { bandwidth }),
      ...(portMappings.length === 0 ? {} : { portMappings }),
    },
  ];
}

/** More than any network carries: what is not limited is not slowed down by a small bucket. */
const burstMax = 2 ** 31 - 1;

function bandwidthOf({ metadata }: Pod): CniBandwidth | undefined {
  const said = Object.entries(rateAnnotations).flatMap(([rate, name]) => {
    const text = metadata.annotations?.[name];
    if (text === undefined) return [];
    if (!isQuantity(text) || parseBytes(text) <= 0n) {
      throw new ConfigError(`annotation ${name} must be bits a second, such as 10M, not "${text}"`);
    }
    const burst = rate.replace('Rate', 'Burst');
    return [[rate, Number(parseBytes(text))] as const, [burst, burstMax] as const];
  });
  return said.length === 0 ? undefined : Object.fromEntries(said);
}

function mappingsOf({ spec }: Pod): readonly CniPortMapping[] {
  return spec.containers
    .flatMap(portsOf)
    .flatMap(({ hostPort, containerPort, protocol, hostIp }) => {
      if (hostPort === undefined) return [];
      const at = hostIp === undefined ? {} : { hostIP: hostIp };
      return [{ hostPort, containerPort, protocol: protocol.toLowerCase(), ...at }];
    });
}
