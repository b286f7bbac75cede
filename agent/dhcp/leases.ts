/** What machines of this node are told by DHCP: of their interfaces on pools where this node has an address of its own. */

import { clusterNames } from '../../api/cluster-names.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import type { InstanceNetwork } from '../../runtime/runtime.ts';
import type { DhcpLease } from './message.ts';

export class Leases {
  /** By uid of the machine, then by MAC. */
  readonly #known = new Map<string, Map<string, DhcpLease>>();

  /** `server` is this node's address on the bridge; `dns` is who the guest asks for names. */
  note(
    { metadata: { uid = '', name = '', namespace = '' } }: Pod,
    { mac, address, prefixLength, gateway }: InstanceNetwork,
    { server, dns }: Pick<DhcpLease, 'server' | 'dns'>,
  ): void {
    const ofMachine = this.#known.get(uid) ?? new Map<string, DhcpLease>();
    this.#known.set(uid, ofMachine);
    const route = gateway === undefined ? {} : { gateway };
    const named = { hostname: name, domain: `${namespace}.${clusterNames}` };
    ofMachine.set(mac, { mac, address, prefixLength, server, ...route, dns, ...named });
  }

  /** Those of machines that are still there; the others are forgotten. */
  of(instances: readonly Pod[]): readonly DhcpLease[] {
    const there = new Set(instances.map(({ metadata }) => metadata.uid ?? ''));
    for (const uid of this.#known.keys()) if (!there.has(uid)) this.#known.delete(uid);
    return [...this.#known.values()].flatMap((ofMachine) => [...ofMachine.values()]);
  }
}
