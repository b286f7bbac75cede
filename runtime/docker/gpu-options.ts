/** What Docker is asked for so that a container has exactly these GPUs and block devices. Pure. */
import type Docker from 'dockerode';
import type { ContainerSpec } from '../runtime.ts';

/** Those of NVIDIA, as `docker run --gpus` asks for them, which the NVIDIA Container Toolkit carries out. */
export function gpuConfig({ gpus = [] }: ContainerSpec): Docker.HostConfig {
  const ids = nvidiaIds(gpus);
  return {
    ...(ids.length === 0
      ? {}
      : { DeviceRequests: [{ Driver: '', DeviceIDs: ids, Capabilities: [['gpu']] }] }),
  };
}

/** Device files: GPUs of others than NVIDIA, and block devices. */
export function deviceConfig({ gpus = [], devices = [] }: ContainerSpec): Docker.HostConfig {
  const paths = new Set(gpus.flatMap((gpu) => (gpu.vendor === 'nvidia' ? [] : gpu.paths)));
  const all = [
    ...[...paths].map((path) => ({
      PathOnHost: path,
      PathInContainer: path,
      CgroupPermissions: 'rwm',
    })),
    ...devices.map(({ hostPath, containerPath, readOnly }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: readOnly ? 'rm' : 'rwm',
    })),
  ];
  return all.length === 0 ? {} : { Devices: all };
}

/**
 * Images of NVIDIA ask for all GPUs by this variable, which counts where NVIDIA's runtime is the engine's own: what was
 * given takes its place. Source: NVIDIA Container Toolkit, `NVIDIA_VISIBLE_DEVICES`.
 */
export function gpuEnvironment({ gpus }: ContainerSpec): Readonly<Record<string, string>> {
  if (gpus === undefined) return {};
  return { NVIDIA_VISIBLE_DEVICES: nvidiaIds(gpus).join(',') || 'void' };
}

function nvidiaIds(gpus: NonNullable<ContainerSpec['gpus']>): string[] {
  return gpus.flatMap(({ vendor, id }) => (vendor === 'nvidia' ? [id] : []));
}
