import type Docker from 'dockerode';
import { expect, test } from 'vitest';
import { describeContainer } from './describe.ts';

/** As the engine answers; only what is read. */
function info(config: object, host: object, more: object = {}): Docker.ContainerInspectInfo {
  const Config = {
    Image: 'web:1',
    User: '',
    WorkingDir: '',
    Tty: false,
    OpenStdin: false,
    Env: null,
  };
  return {
    Id: 'c1',
    Name: '/My_Web.1',
    Config: { ...Config, ...config },
    HostConfig: { NetworkMode: 'default', RestartPolicy: { Name: 'no' }, ...host },
    Mounts: [],
    ...more,
  } as unknown as Docker.ContainerInspectInfo;
}

const image = {
  Env: ['PATH=/bin'],
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
} as unknown as Docker.ImageInspectInfo['Config'];

test('what the image says itself is not said again', () => {
  const own = { Env: ['PATH=/bin', 'A=$(B)=1'], Entrypoint: ['/entry'], Cmd: ['serve'] };
  expect(describeContainer(info(own, {}), image)).toEqual({
    target: 'c1',
    lacking: [],
    spec: {
      runtimeClassName: 'docker',
      restartPolicy: 'Never',
      containers: [
        {
          name: 'my-web-1',
          image: 'web:1',
          imagePullPolicy: 'IfNotPresent',
          env: [{ name: 'A', value: '$$(B)=1' }],
        },
      ],
    },
  });
});

test('with another entry point its arguments are its own, too', () => {
  const { spec } = describeContainer(info({ Entrypoint: ['/other'], Cmd: ['serve'] }, {}), image);
  expect(spec.containers[0]).toMatchObject({ command: ['/other'], args: ['serve'] });
  const same = describeContainer(info({ Entrypoint: ['/entry'], Cmd: ['check'] }, {}), image);
  expect(same.spec.containers[0]).not.toHaveProperty('command');
  expect(same.spec.containers[0]).toMatchObject({ args: ['check'] });
});

test('limits, ports, mounts, rights and namespaces', () => {
  const host = {
    NetworkMode: 'host',
    PidMode: 'host',
    NanoCpus: 1_500_000_000,
    Memory: 64 << 20,
    Privileged: true,
    ReadonlyRootfs: true,
    CapAdd: ['CAP_NET_ADMIN'],
    CapDrop: null,
    RestartPolicy: { Name: 'unless-stopped' },
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '53/udp': null },
  };
  const Mounts = [
    { Type: 'bind', Source: '/srv', Destination: '/data', RW: false },
    { Type: 'volume', Source: '/var/lib/docker/volumes/v/_data', Destination: '/v', RW: true },
  ];
  const { spec, lacking } = describeContainer(info({ User: '1000:100' }, host, { Mounts }), image);
  expect(lacking).toEqual([]);
  expect(spec).toMatchObject({
    hostNetwork: true,
    hostPID: true,
    restartPolicy: 'Always',
    volumes: [
      { name: 'mount-0', hostPath: { path: '/srv' } },
      { name: 'mount-1', hostPath: { path: '/var/lib/docker/volumes/v/_data' } },
    ],
    containers: [
      {
        resources: { limits: { cpu: '1500m', memory: String(64 << 20) } },
        ports: [{ containerPort: 80, protocol: 'TCP', hostPort: 8080 }],
        volumeMounts: [
          { name: 'mount-0', mountPath: '/data', readOnly: true },
          { name: 'mount-1', mountPath: '/v', readOnly: false },
        ],
        securityContext: {
          runAsUser: 1000,
          runAsGroup: 100,
          privileged: true,
          readOnlyRootFilesystem: true,
          capabilities: { add: ['NET_ADMIN'] },
        },
      },
    ],
  });
});

test('what no pod can say is named', () => {
  const { lacking } = describeContainer(
    info(
      { User: 'www', Healthcheck: { Test: ['CMD', 'true'] } },
      {
        NetworkMode: 'shop',
        Links: ['db:db'],
        Devices: [{ PathOnHost: '/dev/kvm' }],
        AutoRemove: true,
      },
      { Mounts: [{ Type: 'tmpfs', Source: '', Destination: '/run', RW: true }] },
    ),
    image,
  );
  expect(lacking.map((each) => each.split(':')[0])).toEqual([
    'user "www" has no number',
    'network "shop"',
    'links to other containers',
    'device /dev/kvm',
    'tmpfs at /run',
    'its health check',
    '"--rm"',
  ]);
});
