/** The files that cloud-init finds on its disk. Pure. Source: cloud-init, datasource NoCloud. */
import type { VM, VMInterface } from '../../api/kinds.gen.ts';
import type { ImageFile } from '../../runtime/disk/fat-image.ts';

export const seedLabel = 'CIDATA';

export function seedFiles(vm: VM, macs: readonly string[]): readonly ImageFile[] {
  const { metadata, spec } = vm;
  const { userData = '#cloud-config\n', networkData } = spec.cloudInit ?? {};
  const meta = { 'instance-id': metadata.uid ?? '', 'local-hostname': metadata.name ?? '' };
  const network = networkData ?? networkConfig(spec.interfaces ?? [], macs);
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
function networkConfig(
  interfaces: readonly VMInterface[],
  macs: readonly string[],
): string | undefined {
  if (!interfaces.some(({ address }) => address !== undefined)) return undefined;
  const ethernets = interfaces.map(({ address, gateway }, index) => {
    const match = { macaddress: macs[index] };
    if (address === undefined) return [`nic${index}`, { match, dhcp4: true }] as const;
    const routes = gateway === undefined ? {} : { routes: [{ to: '0.0.0.0/0', via: gateway }] };
    return [`nic${index}`, { match, addresses: [address], ...routes }] as const;
  });
  return `${JSON.stringify({ version: 2, ethernets: Object.fromEntries(ethernets) })}\n`;
}
