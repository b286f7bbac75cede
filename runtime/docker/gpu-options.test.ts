import { expect, test } from 'vitest';
import type { GpuDevice, InstanceSpec } from '../runtime.ts';
import { containerOptions } from './container-options.ts';

const nvidia = (id: string): GpuDevice => ({ vendor: 'nvidia', id, paths: ['/dev/nvidia0'] });
const amd: GpuDevice = { vendor: 'amd', id: '0000:03:00.0', paths: ['/dev/dri/card1', '/dev/kfd'] };

/** What the engine is asked for. */
function asked(gpus: readonly GpuDevice[] | undefined) {
  const spec: InstanceSpec = {
    id: 'u1',
    namespace: 'default',
    name: 'web',
    hostname: 'web',
    network: 'bridge',
    containers: [],
  };
  const options = containerOptions(
    'node-1',
    spec,
    {
      name: 'main',
      attempt: 0,
      image: 'app:1',
      env: { NVIDIA_VISIBLE_DEVICES: 'all' },
      tty: false,
      stdin: false,
      privileged: false,
      readOnlyRootFilesystem: false,
      ports: [],
      mounts: [],
      limits: {},
      ...(gpus === undefined ? {} : { gpus }),
    },
    { type: 'own' },
  );
  const { DeviceRequests, Devices } = options.HostConfig ?? {};
  return { Env: options.Env, DeviceRequests, Devices };
}

test('those of NVIDIA are asked for by name, as by docker run --gpus', () => {
  expect(asked([nvidia('GPU-a'), nvidia('GPU-b')])).toEqual({
    Env: ['NVIDIA_VISIBLE_DEVICES=GPU-a,GPU-b'],
    DeviceRequests: [{ Driver: '', DeviceIDs: ['GPU-a', 'GPU-b'], Capabilities: [['gpu']] }],
    Devices: undefined,
  });
});

test('others are their device files', () => {
  const device = (path: string) => ({
    PathOnHost: path,
    PathInContainer: path,
    CgroupPermissions: 'rwm',
  });
  expect(asked([amd])).toEqual({
    Env: ['NVIDIA_VISIBLE_DEVICES=void'],
    DeviceRequests: undefined,
    Devices: [device('/dev/dri/card1'), device('/dev/kfd')],
  });
});

test('who has none sees none, whatever its image says; without GPUs nothing is said', () => {
  expect(asked([]).Env).toEqual(['NVIDIA_VISIBLE_DEVICES=void']);
  expect(asked(undefined)).toEqual({
    Env: ['NVIDIA_VISIBLE_DEVICES=all'],
    DeviceRequests: undefined,
    Devices: undefined,
  });
});
