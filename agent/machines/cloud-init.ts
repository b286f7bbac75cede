/** The files that cloud-init finds on its disk. Pure. Source: cloud-init, datasource NoCloud. */
import type { VM, VMInterface } from '../../api/kinds.gen.ts';
import type { ImageFile } from '../../runtime/disk/fat-image.ts';
import type { MachineInterface } from '../../runtime/machine.ts';

export const seedLabel = 'CIDATA';

type SeedInterface = Pick<MachineInterface, 'mac' | 'network' | 'attachment'>;

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
  const all = real.map((each, index) => placeOf(said[index] ?? {}, each));
  if (!all.some(({ addresses }) => addresses.length > 0)) return undefined;
  const ethernets = all.map(({ mac, addresses, routes, dns, mtu }, index) => {
    const match = { macaddress: mac };
    if (addresses.length === 0) return [`nic${index}`, { match, dhcp4: true }] as const;
    const known = {
      ...(routes.length === 0 ? {} : { routes }),
      ...(dns.length === 0 ? {} : { nameservers: { addresses: dns } }),
      ...(mtu === undefined ? {} : { mtu }),
    };
    return [`nic${index}`, { match, addresses, ...known }] as const;
  });
  return `${JSON.stringify({ version: 2, ethernets: Object.fromEntries(ethernets) })}\n`;
}

interface Place {
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly to: string; readonly via: string }[];
  readonly dns: readonly string[];
  readonly mtu?: number;
}

function placeOf(said: VMInterface, { mac, network, attachment }: SeedInterface): Place {
  if (attachment !== undefined) {
    const { addresses, routes, dns, mtu } = attachment;
    return {
      mac,
      addresses: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      routes: routes.flatMap(({ to, via }) => (via === undefined ? [] : [{ to, via }])),
      dns: dns.servers,
      ...(mtu === undefined ? {} : { mtu }),
    };
  }
  const { address, gateway, dns } =
    network === undefined
      ? { ...said, dns: [] }
      : { ...network, address: `${network.address}/${network.prefixLength}` };
  return {
    mac,
    addresses: address === undefined ? [] : [address],
    routes: gateway === undefined ? [] : [{ to: '0.0.0.0/0', via: gateway }],
    dns,
  };
}
