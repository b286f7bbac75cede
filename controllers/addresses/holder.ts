/**
 * Who has the address of a reservation: one instance at a time, until it is gone. A stopped one keeps
 * it; a pod that has ended for good, and what is deleted, gives it to the next that names the reservation.
 */
import type { IPReservation, IPReservationHolder, Pod, VM } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import {
  machineReservations,
  podReservations,
  type ReservationRef,
} from '../../api/reservation-refs.ts';
import { pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';

/** Index of pods and machines: `namespace/name` of the reservations that they name. */
const byReference = 'ip-reservation';

type Instance = Pod | VM;

/** Where the address is, and whether its last holder went and nobody has come. */
export interface Holding {
  readonly holder: IPReservationHolder | undefined;
  readonly isLeft: boolean;
}

export function indexInstances(informers: Informers): void {
  informers.index<Pod>(pods, byReference, (pod) => reservationKeys(pod, podReservations(pod)));
  informers.index<VM>(vms, byReference, (vm) => reservationKeys(vm, machineReservations(vm)));
}

/** Keys of the reservations that an instance names. */
export function reservationKeys(
  { metadata }: KubeObject,
  refs: readonly ReservationRef[],
): readonly string[] {
  return refs.map(({ name }) => `${metadata.namespace ?? ''}/${name}`);
}

/** Asks the server before it believes that a holder is gone: two holders are worse than a wait. */
export async function findHolder(ctx: Reconcile<IPReservation>): Promise<Holding> {
  const present = await presentHolder(ctx);
  if (present !== undefined) return { holder: holderOf(present), isLeft: false };
  const next = nextHolder(ctx.object, candidates(ctx));
  if (next !== undefined) return { holder: holderOf(next), isLeft: false };
  return { holder: undefined, isLeft: ctx.object.status?.holder !== undefined };
}

/** The instance that has it and is not gone. */
export async function presentHolder(ctx: Reconcile<IPReservation>): Promise<Instance | undefined> {
  const { client, informers, object, signal } = ctx;
  const { holder } = object.status ?? {};
  const { namespace = '' } = object.metadata;
  if (holder?.name === undefined) return undefined;
  const { name, uid } = holder;
  const resource = holder.kind === vms.kind ? vms : pods;
  const cached = informers.for<Instance>(resource).get(`${namespace}/${name}`);
  if (cached !== undefined && cached.metadata.uid === uid) {
    return holds(cached, object) ? cached : undefined;
  }
  try {
    const found = await client.get<Instance>(resource, { namespace, name }, { signal });
    return found.metadata.uid === uid && holds(found, object) ? found : undefined;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** The oldest of those that still want it; what was made for somebody is nobody else's. */
export function nextHolder(
  reservation: IPReservation,
  instances: readonly Instance[],
): Instance | undefined {
  const owner = controllerUid(reservation);
  const order = ({ metadata }: Instance) => `${metadata.creationTimestamp} ${metadata.name}`;
  return instances
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter((each) => !isEnded(each))
    .filter(
      (each) => owner === undefined || [each.metadata.uid, controllerUid(each)].includes(owner),
    )
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))[0];
}

function candidates({ informers, object }: Reconcile<IPReservation>): readonly Instance[] {
  const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  return [
    ...informers.for<Pod>(pods).byIndex(byReference, key),
    ...informers.for<VM>(vms).byIndex(byReference, key),
  ];
}

/** A machine that does not name it any more has it until it is down. */
function holds(instance: Instance, { metadata }: IPReservation): boolean {
  if (!isMachine(instance)) return !isEnded(instance);
  if (instance.status?.phase !== 'Stopped') return true;
  return machineReservations(instance).some(({ name }) => name === metadata.name);
}

function controllerUid({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

/** A machine that has ended can be started again. */
function isEnded(instance: Instance): boolean {
  if (isMachine(instance)) return false;
  const { phase } = instance.status ?? {};
  return phase === 'Succeeded' || phase === 'Failed';
}

function isMachine(instance: Instance): instance is VM {
  return instance.kind === vms.kind;
}

function holderOf(instance: Instance): IPReservationHolder {
  const { name = '', uid = '' } = instance.metadata;
  const node = instance.spec.nodeName;
  return { kind: instance.kind, name, uid, ...(node ? { node } : {}) };
}
