import { describe, expect, test } from 'vitest';
import type { ContainerSpec, InstanceSpec } from '../runtime.ts';
import { containerOptions, sandboxOptions } from './container-options.ts';
import { containerName } from './labels.ts';

const main: ContainerSpec = {
  name: 'main',
  attempt: 2,
  image: 'app:1',
  env: { A: 'b=c' },
  tty: false,
  stdin: true,
  privileged: false,
  readOnlyRootFilesystem: true,
  ports: [
    { containerPort: 80, protocol: 'TCP', hostPort: 8080 },
    { containerPort: 80, protocol: 'TCP', hostPort: 8081, hostIp: '127.0.0.1' },
    { containerPort: 53, protocol: 'UDP' },
  ],
  mounts: [{ hostPath: '/a', containerPath: '/b', readOnly: true }],
  limits: { cpuMilli: 1500, cpuRequestMilli: 250, memoryBytes: 1n << 30n },
};
const spec: InstanceSpec = {
  id: 'u1',
  namespace: 'default',
  name: 'web',
  hostname: 'web-host',
  network: 'bridge',
  containers: [main],
};

describe('names within an instance', () => {
  const long = { ...spec, name: 'n'.repeat(253) };

  test('differ also where the name of the container is cut off', () => {
    const names = ['a', 'b'].map((name) => containerName('node-1', long, name, 0));
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(200);
  });

  test('a container called as the sandbox is', () => {
    const name = containerName('node-1', spec, 'sandbox', 0);
    expect(sandboxOptions('node-1', spec, 'pause').name).not.toBe(name);
  });
});

test('a sandbox publishes also what comes later', () => {
  const sharedPorts = [{ containerPort: 90, protocol: 'TCP', hostPort: 9090 }] as const;
  const { HostConfig } = sandboxOptions('node-1', { ...spec, sharedPorts }, 'pause');
  expect(HostConfig?.PortBindings).toEqual({ '90/tcp': [{ HostPort: '9090' }] });
});

test('limits of a device, each where there is one', () => {
  const io = [
    { device: '/dev/loop3', number: '7:3', writeIops: 20, readBytesPerSecond: 1n << 20n },
  ];
  const { HostConfig } = containerOptions('node-1', spec, { ...main, io }, { type: 'own' });
  expect(HostConfig).toMatchObject({
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [{ Path: '/dev/loop3', Rate: 20 }],
    BlkioDeviceReadBps: [{ Path: '/dev/loop3', Rate: 1_048_576 }],
    BlkioDeviceWriteBps: [],
  });
});

describe('a container with its own network', () => {
  const options = containerOptions('node-1', spec, main, { type: 'own' });

  test('limits', () => {
    expect(options.HostConfig).toMatchObject({
      CpuPeriod: 100_000,
      CpuQuota: 150_000,
      CpuShares: 256,
      Memory: 2 ** 30,
      MemorySwap: 2 ** 30,
    });
  });

  test('tiny limits are raised to what the kernel takes', () => {
    const tiny = { ...main, limits: { cpuMilli: 1, cpuRequestMilli: 0 } };
    const { HostConfig } = containerOptions('node-1', spec, tiny, { type: 'own' });
    expect(HostConfig).toMatchObject({ CpuQuota: 1000, CpuShares: 2 });
  });

  test.each([
    [
      { cpus: '2,5-6', isAll: false, memoryNodes: '1' },
      { CpusetCpus: '2,5-6', CpusetMems: '1' },
    ],
    [{ cpus: '2', isAll: false }, { CpusetCpus: '2' }],
    // Where all may be used nothing is said.
    [{ cpus: '0-7', isAll: true }, {}],
  ])('processors %j', (cpus, expected) => {
    const { HostConfig = {} } = containerOptions('node-1', { ...spec, cpus }, main, {
      type: 'own',
    });
    const { CpusetCpus, CpusetMems } = HostConfig;
    expect(JSON.parse(JSON.stringify({ CpusetCpus, CpusetMems }))).toEqual(expected);
  });

  test('ports', () => {
    expect(options.ExposedPorts).toEqual({ '80/tcp': {}, '53/udp': {} });
    expect(options.HostConfig?.PortBindings).toEqual({
      '80/tcp': [{ HostPort: '8080' }, { HostPort: '8081', HostIp: '127.0.0.1' }],
    });
  });

  test('labels, environment and the rest', () => {
    expect(options.Labels).toEqual({
      'berth.dev/node': 'node-1',
      'berth.dev/instance': 'u1',
      'berth.dev/namespace': 'default',
      'berth.dev/name': 'web',
      'berth.dev/container': 'main',
      'berth.dev/attempt': '2',
    });
    expect(options.Env).toEqual(['A=b=c']);
    expect(options.Hostname).toBe('web-host');
    expect(options.HostConfig?.RestartPolicy).toEqual({ Name: 'no' });
    expect(options.HostConfig?.ReadonlyRootfs).toBe(true);
  });
});

test('rights, filters and groups', () => {
  const secured: ContainerSpec = {
    ...main,
    privileged: true,
    groups: [5],
    capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
    noNewPrivileges: true,
    seccomp: { profile: '{}' },
  };
  const { HostConfig } = containerOptions('node-1', spec, secured, { type: 'own' });
  expect(HostConfig).toMatchObject({
    Privileged: true,
    GroupAdd: ['5'],
    CapAdd: ['NET_RAW'],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges', 'seccomp={}'],
  });
});

test('what belongs to the network is said by its owner only', () => {
  const shared: InstanceSpec = {
    ...spec,
    pid: 'shared',
    ipc: 'host',
    hosts: [{ ip: '10.0.0.1', names: ['a', 'b'] }],
    sysctls: { 'net.ipv4.tcp_syncookies': '0' },
  };
  const network = { type: 'sandbox', sandboxId: 's1' } as const;
  const inside = containerOptions('node-1', shared, main, network).HostConfig;
  expect(inside).toMatchObject({ PidMode: 'container:s1', IpcMode: 'host' });
  expect(inside?.ExtraHosts).toBeUndefined();
  expect(inside?.Sysctls).toBeUndefined();
  expect(sandboxOptions('node-1', shared, 'pause').HostConfig).toMatchObject({
    ExtraHosts: ['a:10.0.0.1', 'b:10.0.0.1'],
    Sysctls: { 'net.ipv4.tcp_syncookies': '0' },
    PidMode: '',
  });
});

test('in a sandbox the ports and the host name belong to the sandbox', () => {
  const network = { type: 'sandbox', sandboxId: 's1' } as const;
  const inside = containerOptions('node-1', spec, main, network);
  expect(inside.Hostname).toBeUndefined();
  expect(inside.HostConfig?.NetworkMode).toBe('container:s1');
  expect(inside.HostConfig?.PortBindings).toBeUndefined();
  const sandbox = sandboxOptions('node-1', spec, 'berth/pause:2');
  expect(sandbox.Hostname).toBe('web-host');
  expect(Object.keys(sandbox.HostConfig?.PortBindings ?? {})).toEqual(['80/tcp']);
});

describe('names', () => {
  test('say what the container is', () => {
    expect(containerName('n', spec, 'main', 3)).toMatch(/^berth_default_web_main_[0-9a-f]{10}_3$/);
  });

  test('differ by node and instance, and have a bounded length', () => {
    const long = { ...spec, name: 'x'.repeat(250) };
    const names = [
      containerName('n', long, 'main', 3),
      containerName('m', long, 'main', 3),
      containerName('n', { ...long, id: 'u2' }, 'main', 3),
    ];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name.length).toBe(200);
  });
});
