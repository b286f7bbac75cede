/** What runs on a node without Berth and is taken over, and what is given away. */
import type { Pod } from './kinds.gen.ts';
import { reservationAnnotation } from './reservation-refs.ts';
import { claimsOf } from './volume.ts';

/** What a node answers about something that runs on it without Berth. */
export interface AdoptablePod {
  /** That would stand for it; bound to its node, and without a namespace. */
  readonly pod: Pod;
  /** In a sentence each: what it has and no pod can say. */
  readonly lacking: readonly string[];
}

/**
 * Why what a pod runs cannot be given away, with the remedy; `undefined` when it can. What it would go on
 * using must not become somebody else's, and a controller would make another in its place.
 */
export function releaseObstacle(pod: Pod): string | undefined {
  const { name, ownerReferences = [] } = pod.metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner !== undefined) {
    return (
      `pod "${name}" belongs to ${owner.kind} "${owner.name}", which would make another in its place: ` +
      `first "kubectl delete ${owner.kind.toLowerCase()} ${owner.name} --cascade=orphan"`
    );
  }
  const [claim] = claimsOf(pod);
  const reservation = pod.metadata.annotations?.[reservationAnnotation];
  const held =
    claim === undefined
      ? reservation && `address of reservation "${reservation}"`
      : `volume "${claim}"`;
  if (held === undefined) return undefined;
  return `pod "${name}" uses the ${held}, which somebody else could get while it runs on: delete the pod instead`;
}
