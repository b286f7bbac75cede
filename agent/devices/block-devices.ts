/** The volumes that a container has as block devices. Pure. */
import type { Container, Pod } from '../../api/kinds.gen.ts';
import type { ContainerSpec } from '../../runtime/runtime.ts';
import type { HeldVolume } from '../disks/hold-volumes.ts';
import { ConfigError } from '../pod/config-error.ts';

/** Throws `ConfigError` for one that has a file system, or is no volume of the node's disks. */
export function devicesOf(
  { volumeDevices = [] }: Container,
  { spec }: Pick<Pod, 'spec'>,
  held: ReadonlyMap<string, HeldVolume>,
): Pick<ContainerSpec, 'devices'> {
  if (volumeDevices.length === 0) return {};
  return {
    devices: volumeDevices.map(({ name, devicePath }) => {
      const volume = spec.volumes?.find((each) => each.name === name);
      const { claimName = '', readOnly = false } = volume?.persistentVolumeClaim ?? {};
      const found = held.get(claimName);
      if (found === undefined) {
        throw new ConfigError(`volumeDevices: volume "${name}" is no persistentVolumeClaim`);
      }
      if (found.link === undefined) {
        const remedy = 'name it in volumeMounts, or make a Volume of volumeMode Block';
        throw new ConfigError(`volumeDevices: volume "${claimName}" has a file system: ${remedy}`);
      }
      return { hostPath: found.link, containerPath: devicePath, readOnly };
    }),
  };
}
