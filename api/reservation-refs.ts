/** Which reservations an instance names, and which are made for it. Pure. */
import type { IPReservation, Pod } from './kinds.gen.ts';
import { isVm } from './vm-instance.ts';

/** On a pod: the reservation of its namespace whose address it has. */
export const reservationAnnotation = 'berth.dev/ip-reservation';

/** One address that an instance is to have. */
export interface ReservationRef {
  readonly name: string;
  /** The pool that its interface names; absent: whichever the reservation is of. */
  readonly pool?: string;
  /** Nobody named it: it is made for the machine, and goes with it. */
  readonly isMade: boolean;
}

/** As much of an object as these functions look at; a stored one that is not decoded will do. */
interface Machine {
  readonly metadata?: { readonly name?: string };
  readonly spec?: {
    readonly interfaces?: readonly { readonly pool?: string; readonly reservation?: string }[];
  };
}

interface Annotated {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** By interface; undefined for one that has no reservation. */
export function interfaceReservations(vm: Machine): readonly (ReservationRef | undefined)[] {
  const own = vm.metadata?.name ?? '';
  return (vm.spec?.interfaces ?? []).map(({ pool, reservation }, index) => {
    if (reservation !== undefined) {
      return { name: reservation, isMade: false, ...(pool === undefined ? {} : { pool }) };
    }
    if (pool === undefined) return undefined;
    return { name: index === 0 ? own : `${own}-${index}`, pool, isMade: true };
  });
}

export function machineReservations(vm: Machine): readonly ReservationRef[] {
  return interfaceReservations(vm).filter((each) => each !== undefined);
}

/** Of an instance, whichever it is: a pod on the network of its node has the addresses of that. */
export function instanceReservations(instance: Pod): readonly ReservationRef[] {
  if (isVm(instance)) return machineReservations(instance.vm);
  return instance.spec.hostNetwork === true ? [] : podReservations(instance);
}

export function podReservations(pod: Annotated): readonly ReservationRef[] {
  const name = pod.metadata?.annotations?.[reservationAnnotation];
  return name === undefined ? [] : [{ name, isMade: false }];
}

/** Why the instance with this uid cannot have the address of a reservation yet; undefined when it has. */
export function whyNotYet(
  { name, pool }: ReservationRef,
  reservation: IPReservation | undefined,
  uid: string,
): string | undefined {
  const words = `ipreservation "${name}"`;
  if (reservation === undefined) return `${words} is not there`;
  const { spec, status, metadata } = reservation;
  if (metadata.deletionTimestamp !== undefined) return `${words} is being deleted`;
  if (pool !== undefined && pool !== spec.pool) {
    return `${words} is of pool "${spec.pool}", and not of "${pool}"`;
  }
  if (status?.address === undefined) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return `${words} has no address yet${ready === undefined ? '' : `: ${ready.message}`}`;
  }
  const { holder } = status;
  if (holder === undefined) return `${words} is about to be given to it`;
  if (holder.uid === uid) return undefined;
  return `${words} is held by ${holder.kind} "${holder.name}"`;
}
