/** The files that cloud-init finds on its disk. Pure. Source: cloud-init, datasource NoCloud. */
import type { VM, VMInterface } from '../../api/kinds.gen.ts';
import type { ImageFile } from '../../runtime/disk/fat-image.ts';
import type { MachineInterface } from '../../runtime/machine.ts';

export const seedLabel = 'CIDATA';

type SeedInterface = Pick<MachineInterface, 'mac' | 'network'>;

export function seedFiles(vm: VM, interfaces: readonly SeedInterface[]): readonly ImageFile[] {
  const { metadata, spec } = vm;
  const { userData = '#cloud-config\n', networkData } = spec.cloudInit ?? {};
  const meta = { 'instance-id': metadata.uid ?? '', 'local-hostname': metadata.name ?? '' };
  const network = networkData ?? networkConfig(spec.interfaces ?? [], interfaces);
  // JSON is YAML as well.
  const files: readonly (readonly [string, string | undefined])[] = [
    ['meta-data', `${JSON.stringify(meta)}\n`],
    ['user-data', userData],
    ['network-config', network],
  ];
  return files.flatMap(([name, text]) =>
    text === undefined ? [] : [{ name, content: Buffer.from(text) }],
  );
}

/** Version 2, as netplan has it; `undefined` when the guest finds out for itself. */
function networkConfig(said: readonly VMInterface[], real: readonly SeedInterface[]) {
  const all = real.map((each, index) => addressOf(said[index] ?? {}, each));
  if (!all.some(({ address }) => address !== undefined)) return undefined;
  const ethernets = all.map(({ mac, address, gateway, dns }, index) => {
    const match = { macaddress: mac };
    if (address === undefined) return [`nic${index}`, { match, dhcp4: true }] as const;
    const routes = gateway === undefined ? {} : { routes: [{ to: '0.0.0.0/0', via: gateway }] };
    const nameservers = dns.length === 0 ? {} : { nameservers: { addresses: dns } };
    return [`nic${index}`, { match, addresses: [address], ...routes, ...nameservers }] as const;
  });
  return `${JSON.stringify({ version: 2, ethernets: Object.fromEntries(ethernets) })}\n`;
}

function addressOf({ address, gateway }: VMInterface, { mac, network }: SeedInterface) {
  if (network === undefined) return { mac, address, gateway, dns: [] };
  const { prefixLength, dns } = network;
  return { mac, address: `${network.address}/${prefixLength}`, gateway: network.gateway, dns };
}
