/**
 * The networks that a pod has, as tools read them from its annotation. Pure. Source: Network Plumbing Working
 * Group, "Kubernetes Network Custom Resource Definition De-facto Standard", section 5.
 */
import { type CniAttachment, mainInterface } from '../../runtime/cni/cni.ts';

export function networkStatus(attachments: readonly CniAttachment[]): string {
  const list = attachments.map((each) => {
    const { network, interface: name, addresses, mac, mtu, routes, dns } = each;
    const gateways = routes.flatMap(({ to, via }) => (isDefault(to) ? (via ?? []) : []));
    return {
      name: network,
      interface: name,
      ips: addresses.map(({ address }) => address),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      default: name === mainInterface,
      dns: {
        ...(dns.servers.length === 0 ? {} : { nameservers: dns.servers }),
        ...(dns.searches.length === 0 ? {} : { search: dns.searches }),
      },
      ...(gateways.length === 0 ? {} : { gateway: gateways }),
    };
  });
  return JSON.stringify(list);
}

function isDefault(route: string): boolean {
  return route === '0.0.0.0/0' || route === '::/0';
}
