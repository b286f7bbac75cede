/** What runs on a node without Berth and is taken over, and what is given away. */
import type { Pod, VM } from './kinds.gen.ts';
import { instanceReservations } from './reservation-refs.ts';
import { isVm } from './vm-instance.ts';
import { claimsOf } from './volume.ts';

/** `docker/<id>`, `systemd/<unit>`, `libvirt/<uuid>`: what is there already and is the object's own from now on. */
export const adoptAnnotation = 'berth.dev/adopt';
/** `true`: what runs goes on without Berth, and the object goes. */
export const releaseAnnotation = 'berth.dev/release';

/**
 * What a node answers about something that runs on it without Berth: the object that would stand for it,
 * bound to its node and without a namespace.
 */
export type AdoptableObject = ({ readonly pod: Pod } | { readonly vm: VM }) & {
  /** In a sentence each: what it has and no pod can say; of a machine, what cannot be done with it. */
  readonly lacking: readonly string[];
};

/**
 * Why what a pod runs cannot be given away, with the remedy; `undefined` when it can. What it would go on
 * using must not become somebody else's, and a controller would make another in its place.
 */
export function releaseObstacle(pod: Pod): string | undefined {
  const { name, ownerReferences = [] } = pod.metadata;
  const kind = isVm(pod) ? 'vm' : 'pod';
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner !== undefined) {
    return (
      `${kind} "${name}" belongs to ${owner.kind} "${owner.name}", which would make another in its place: ` +
      `first "kubectl delete ${owner.kind.toLowerCase()} ${owner.name} --cascade=orphan"`
    );
  }
  const [claim] = claimsOf(pod);
  const reservation = instanceReservations(pod)[0]?.name;
  const held =
    claim === undefined
      ? reservation && `address of reservation "${reservation}"`
      : `volume "${claim}"`;
  if (held === undefined) return undefined;
  return `${kind} "${name}" uses the ${held}, which somebody else could get while it runs on: delete the ${kind} instead`;
}
