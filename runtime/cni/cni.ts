/** Networks by CNI, as instances ask for them and as they have them. */
import type { JsonObject } from '../../api/meta.ts';
import type { DnsSpec } from '../instance-parts.ts';

/** Through which an instance reaches the world; the runtime's own network is there unless CNI's is. */
export const mainInterface = 'eth0';

/** Whether the runtime's own network is not to be made. */
export function hasMain(requests: readonly CniRequest[] | undefined): boolean {
  return requests?.some((each) => each.interface === mainInterface) === true;
}

/** One network that an instance is to have, on one interface. */
export interface CniRequest {
  /** As its configuration is called. @default the node's first configuration */
  readonly network?: string;
  /** Inside the instance: `eth0`. */
  readonly interface: string;
  /** Wanted addresses, like `10.1.0.5/24`; capability `ips`. */
  readonly ips?: readonly string[];
  /** Capability `mac`. */
  readonly mac?: string;
  readonly bandwidth?: CniBandwidth;
  /** Capability `portMappings`. */
  readonly portMappings?: readonly CniPortMapping[];
  /** Handed to the plugins as `args.cni`. */
  readonly args?: JsonObject;
}

/** Bits a second, and bits. Source: CNI conventions, `bandwidth`. */
export interface CniBandwidth {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

/** Source: CNI conventions, `portMappings`. */
export interface CniPortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  readonly hostIP?: string;
}

/** Whose networks they are; plugins are told. */
export interface CniOwner {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
}

export interface CniAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
}

/** One interface of an instance as it is. */
export interface CniAttachment {
  readonly network: string;
  readonly interface: string;
  readonly addresses: readonly CniAddress[];
  readonly mac?: string;
  readonly mtu?: number;
  readonly dns: DnsSpec;
  /** What is reached by it; `via` is the gateway of its address where the network names none. */
  readonly routes: readonly { readonly to: string; readonly via?: string }[];
  /** Interfaces that the plugins made, or use, on the machine itself. */
  readonly hostInterfaces: readonly string[];
  /** Of a virtual machine: what its interface is attached to. */
  readonly bridge?: string;
}
