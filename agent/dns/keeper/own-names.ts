/** The names of a node's own instances, as the control plane would tell them. Pure. */
import type { Pod } from '../../../api/kinds.gen.ts';
import { podReservations } from '../../../api/reservation-refs.ts';
import { isVm } from '../../../api/vm-instance.ts';
import type { OwnNames } from './messages.ts';

export function ownNames(instances: readonly Pod[]): OwnNames {
  const names: Record<string, readonly string[]> = {};
  const partly: Record<string, string[]> = {};
  const known = instances.map((pod) => ({ pod, addresses: addressesOf(pod) }));
  const reached = known.filter(({ addresses }) => addresses.length > 0);
  // A reservation is named like nothing else, or after its holder: instances come last, pods before machines.
  for (const { pod, addresses } of reached) {
    if (isVm(pod)) continue;
    for (const { name } of podReservations(pod)) names[keyIn(pod, name)] = addresses;
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
    if (owner?.kind !== 'Workload' || !isReady(pod)) continue;
    const key = keyIn(pod, owner.name ?? '');
    partly[key] = [...(partly[key] ?? []), ...addresses];
  }
  for (const { pod, addresses } of [...reached].sort((a, b) => rank(a.pod) - rank(b.pod)))
    names[keyIn(pod, pod.metadata.name ?? '')] = addresses;
  return { instances: instances.length, names, partly };
}

/** As `names` of the API has them. */
function addressesOf(pod: Pod): readonly string[] {
  if (isVm(pod)) return pod.vm.status?.addresses ?? [];
  const { phase, podIPs = [] } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return [];
  return podIPs.flatMap(({ ip }) => ip ?? []);
}

function isReady({ status }: Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True';
}

function keyIn({ metadata: { namespace = '' } }: Pod, name: string): string {
  return `${namespace}/${name}`;
}

/** What comes later counts. */
function rank(pod: Pod): number {
  return isVm(pod) ? 0 : 1;
}
