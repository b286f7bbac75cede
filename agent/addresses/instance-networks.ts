/** The addresses of pools that an instance has, read anew for each start. */
import type { IPPool, IPReservation, Pod } from '../../api/kinds.gen.ts';
import {
  interfaceReservations,
  podReservations,
  type ReservationRef,
  whyNotYet,
} from '../../api/reservation-refs.ts';
import { ipPools, ipReservations } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import { macOfAddress } from '../../runtime/network/ip.ts';
import type { InstanceNetwork } from '../../runtime/runtime.ts';

/** By interface of a machine, of which some have none; a pod has one at most. */
export type InstanceNetworks = readonly (InstanceNetwork | undefined)[];

/** What outlives the agent, for when the API cannot be asked. */
export interface NetworkStore {
  getNetworks(uid: string): InstanceNetworks | undefined;
  putNetworks(uid: string, networks: InstanceNetworks): void;
}

export interface NetworksContext {
  readonly pod: Pod;
  readonly uid: string;
  readonly client: Client;
  readonly specs: NetworkStore;
  readonly signal: AbortSignal;
}

/** Its address is not its own yet; others look after that. */
export class AddressPending extends Error {
  override readonly name = 'AddressPending';
}

/** Throws `AddressPending` with what it waits for. */
export async function instanceNetworks(context: NetworksContext): Promise<InstanceNetworks> {
  const refs = refsOf(context.pod);
  if (refs.every((ref) => ref === undefined)) return refs.map(() => undefined);
  const { uid, specs } = context;
  try {
    const networks: (InstanceNetwork | undefined)[] = [];
    for (const ref of refs) {
      networks.push(ref === undefined ? undefined : await networkOf(ref, context));
    }
    specs.putNetworks(uid, networks);
    return networks;
  } catch (error) {
    // Without the control plane nobody is given what it has.
    const remembered = specs.getNetworks(uid);
    const isOutage = error instanceof StatusError && error.code >= 500;
    if (isOutage && remembered?.length === refs.length) return remembered;
    throw error;
  }
}

/** Whether the pod's address is one of a pool. */
export function hasReservation(pod: Pod): boolean {
  return !isVm(pod) && refsOf(pod).length > 0;
}

function refsOf(pod: Pod): readonly (ReservationRef | undefined)[] {
  if (isVm(pod)) return interfaceReservations(pod.vm);
  return pod.spec.hostNetwork === true ? [] : podReservations(pod);
}

async function networkOf(
  ref: ReservationRef,
  { pod, uid, client, signal }: NetworksContext,
): Promise<InstanceNetwork> {
  const { namespace = '' } = pod.metadata;
  const reservation = await absentAsUndefined(
    client.get<IPReservation>(ipReservations, { namespace, name: ref.name }, { signal }),
  );
  const why = whyNotYet(ref, reservation, uid);
  if (why !== undefined) throw new AddressPending(why);
  const { address = '', mac = macOfAddress(address) } = reservation?.status ?? {};
  const name = reservation?.spec.pool ?? '';
  const pool = await absentAsUndefined(client.get<IPPool>(ipPools, { name }, { signal }));
  if (pool === undefined) throw new AddressPending(`ippool "${name}" is not there`);
  const { cidr, bridge = 'berth0', uplink, gateway, dns = [] } = pool.spec;
  return {
    pool: name,
    bridge,
    ...(uplink === undefined ? {} : { uplink }),
    address,
    prefixLength: Number(cidr.split('/')[1]),
    ...(gateway === undefined ? {} : { gateway }),
    mac,
    dns,
  };
}

async function absentAsUndefined<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
