/** Addresses that stay, on two hosts: they answer from everywhere, by name too, and move at once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, guestCommandLine, labImage } from './cluster.ts';

const timeoutMs = 600_000;
const machineAddress = '10.99.0.190';
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start(2);
  await cluster.apply(
    {
      apiVersion: 'berth.dev/v1',
      kind: 'IPPool',
      metadata: { name: 'lan' },
      spec: {
        cidr: '10.99.0.0/24',
        ranges: [{ first: '10.99.0.150', last: '10.99.0.199' }],
        gateway: '10.99.0.1',
        bridge: 'br0',
      },
    },
    ...['container', 'process', 'mover'].map((name) => reservation(name)),
    reservation('machine', machineAddress),
  );
}, timeoutMs);

afterAll(async () => {
  await cluster?.remove();
}, timeoutMs);

const reservation = (name: string, address?: string) => ({
  apiVersion: 'berth.dev/v1',
  kind: 'IPReservation',
  metadata: { name },
  spec: { pool: 'lan', ...(address === undefined ? {} : { address }) },
});

const script = "trap 'exit' TERM; while :; do sleep 1; done";

const container = (name: string, nodeName: string, reserved = name) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, annotations: { 'berth.dev/ip-reservation': reserved } },
  spec: {
    nodeName,
    containers: [
      { name: 'main', image: labImage, imagePullPolicy: 'Never', command: ['sh', '-c', script] },
    ],
  },
});

const unit = (name: string, nodeName: string, reserved = name) => ({
  ...container(name, nodeName, reserved),
  spec: {
    nodeName,
    runtimeClassName: 'systemd',
    containers: [{ name: 'main', command: ['busybox', 'sh', '-c', script] }],
  },
});

const machine = {
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'machine' },
  spec: {
    nodeName: 'h2',
    resources: { requests: { cpu: '500m', memory: '160Mi' } },
    boot: {
      kernel: '/lab/vmlinuz',
      initrd: '/lab/initrd.gz',
      commandLine: guestCommandLine(machineAddress, 'machine'),
    },
    interfaces: [{ reservation: 'machine' }],
    graphics: false,
  },
};

const addressOf = (name: string) =>
  cluster.kubectl('get', `ipr/${name}`, '-o', 'jsonpath={.status.address}');
const ping = (address: string) => ['busybox', 'ping', '-c1', '-W1', address];

const ready = async (...what: readonly string[]) => {
  await cluster.kubectl('wait', ...what, '--for=condition=Ready', '--timeout=180s');
};

test(
  'a container, a process and a machine reach one another over hosts, by address and by name',
  async () => {
    await cluster.apply(container('container', 'h1'), unit('process', 'h2'), machine);
    await ready('pod/container', 'pod/process', 'vm/machine');
    const names = ['container', 'process', 'machine'];
    const addresses = await Promise.all(names.map(addressOf));
    const told = await cluster.kubectl(
      ...['get', 'pod/container', 'pod/process', '-o', 'jsonpath={.items[*].status.podIP}'],
    );
    expect([...told.split(' '), machineAddress]).toEqual(addresses);
    const from = {
      'pod/container': (command: readonly string[]) =>
        cluster.berth(1, 'exec', 'container', '--', ...command),
      'pod/process': (command: readonly string[]) =>
        cluster.berth(1, 'exec', 'process', '--', ...command),
      'vm/machine': (command: readonly string[]) =>
        cluster.berth(1, 'exec', 'vm/machine', '--', ...command),
    };
    for (const [name, run] of Object.entries(from)) {
      for (const address of addresses) {
        await cluster.until(`${name} reaches ${address}`, async () => {
          return (await run(ping(address))).code === 0;
        });
      }
    }
    for (const [index, name] of names.entries()) {
      for (const run of [from['pod/container'], from['pod/process']]) {
        const { stdout } = await run(['busybox', 'nslookup', `${name}.default.berth`]);
        expect(stdout).toContain(addresses[index]);
      }
    }
  },
  timeoutMs,
);

test(
  'an address that moves to another kind on another host answers the first ping',
  async () => {
    await cluster.apply(container('first', 'h1', 'mover'));
    await ready('pod/first');
    const address = await addressOf('mover');
    // Everybody has it in mind where it is.
    for (const host of [1, 2]) await cluster.run(host, ping(address));
    await cluster.kubectl('delete', 'pod/first', '--grace-period=1');
    await cluster.apply(unit('second', 'h2', 'mover'));
    await ready('pod/second');
    expect(await addressOf('mover')).toBe(address);
    for (const host of [1, 2])
      expect(await cluster.lab.exec(host, ping(address))).toMatchObject({ code: 0 });
  },
  timeoutMs,
);

test(
  'an address that a stranger has is not used, and said to be theirs',
  async () => {
    const address = await addressOf('mover');
    await cluster.kubectl('delete', 'pod/second', '--grace-period=1');
    await cluster.sh(1, `ip address add ${address}/32 dev br0`);
    await cluster.apply(container('third', 'h2', 'mover'));
    const said = () =>
      cluster.kubectl(
        ...['get', 'pod/third', '-o'],
        'jsonpath={.status.conditions[?(@.type=="PodReadyToStartContainers")].message}',
      );
    const mac = await cluster.sh(1, 'cat /sys/class/net/br0/address');
    await cluster.until('it is told', async () => (await said()).includes(mac));
    await cluster.sh(1, `ip address delete ${address}/32 dev br0`);
    await ready('pod/third');
  },
  timeoutMs,
);

const byCni = {
  container: '10.88.0.50',
  process: '10.88.0.51',
  machine: '10.88.0.60',
};
const bridged = (
  name: string,
  bridge: string,
  subnet: string,
  routes: readonly object[] = [],
  more: readonly object[] = [],
) => ({
  cniVersion: '1.0.0',
  name,
  plugins: [
    {
      ...{ type: 'bridge', bridge, isGateway: true, capabilities: { ips: true } },
      ipam: { type: 'host-local', ranges: [[{ subnet }]], routes },
    },
    ...more,
  ],
});

test(
  'a container, a process and a machine on networks by CNI reach one another, and are told',
  async () => {
    const portmap = { type: 'portmap', capabilities: { portMappings: true } };
    const world = [{ dst: '0.0.0.0/0' }];
    const files = {
      '10-lan.conflist': bridged('cnilan', 'cni0', '10.87.0.0/24', world, [portmap]),
      '20-shared.conflist': bridged('shared', 'cni1', '10.88.0.0/24'),
    };
    await cluster.sh(2, 'mkdir -p /etc/cni/net.d');
    for (const [name, list] of Object.entries(files)) {
      const write = ['sh', '-c', `cat > /etc/cni/net.d/${name}`];
      await cluster.run(2, write, { stdin: JSON.stringify(list) });
    }
    const annotations = (address: string) => ({
      'v1.multus-cni.io/default-network': 'cnilan',
      'k8s.v1.cni.cncf.io/networks': JSON.stringify([
        { name: 'shared', interface: 'shared0', ips: [`${address}/24`] },
      ]),
    });
    const pod = (
      { spec, ...from }: ReturnType<typeof container> | ReturnType<typeof unit>,
      kind: 'container' | 'process',
      port: number,
    ) => ({
      ...from,
      metadata: { name: `cni-${kind}`, annotations: annotations(byCni[kind]) },
      spec: {
        ...spec,
        containers: [
          {
            ...spec.containers[0],
            command: ['busybox', 'nc', '-ll', '-p', '80', '-e', 'echo', 'hello'],
            ports: [{ containerPort: 80, hostPort: port }],
          },
        ],
      },
    });
    const cniMachine = {
      ...machine,
      metadata: { name: 'cni-machine' },
      spec: {
        ...machine.spec,
        boot: {
          ...machine.spec.boot,
          commandLine: guestCommandLine(byCni.machine, 'cni-machine'),
        },
        interfaces: [{ network: 'shared', address: `${byCni.machine}/24` }],
      },
    };
    await cluster.apply(
      pod(container('', 'h2'), 'container', 8_081),
      pod(unit('', 'h2'), 'process', 8_082),
      cniMachine,
    );
    const all = ['pod/cni-container', 'pod/cni-process', 'vm/cni-machine'] as const;
    await ready(...all);
    const run = (name: string, ...command: readonly string[]) =>
      cluster.berth(1, 'exec', name, '--', ...command);
    for (const name of all) {
      for (const address of Object.values(byCni)) {
        await cluster.until(`${name} reaches ${address}`, async () => {
          return (await run(name, ...ping(address))).code === 0;
        });
      }
    }
    const status = '{.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/network-status}';
    for (const [kind, port] of [
      ['container', 8_081],
      ['process', 8_082],
    ] as const) {
      const get = ['get', `pod/cni-${kind}`, '-o'];
      const podIp = await cluster.kubectl(...get, 'jsonpath={.status.podIP}');
      expect(podIp).toMatch(/^10\.87\.0\./);
      expect(JSON.parse(await cluster.kubectl(...get, `jsonpath=${status}`))).toMatchObject([
        { name: 'cnilan', interface: 'eth0', ips: [podIp], default: true },
        { name: 'shared', interface: 'shared0', ips: [byCni[kind]], default: false },
      ]);
      // From another host, by the port that the chain has published.
      expect(await cluster.sh(1, `busybox nc -w 3 10.99.0.12 ${port} < /dev/null`)).toBe('hello');
    }
    const addresses = ['get', 'vm/cni-machine', '-o', 'jsonpath={.status.addresses}'];
    expect(await cluster.kubectl(...addresses)).toContain(byCni.machine);
    const { stdout } = await run('cni-container', 'busybox', 'nslookup', 'mover.default.berth');
    expect(stdout).toContain(await addressOf('mover'));
    await cluster.kubectl('delete', 'vm/cni-machine', '--wait');
    const doctor = await cluster.berth(2, 'doctor');
    expect(doctor.stdout).toContain(
      'network "cnilan" (10-lan.conflist): bridge, host-local, portmap',
    );
  },
  timeoutMs,
);

test(
  'after a power cut a host brings them back by itself, and after a restart of its engine',
  async () => {
    await cluster.apply(
      ...['held', 'kept'].map((name) => reservation(name)),
      container('held', 'h2'),
      unit('kept', 'h2'),
    );
    await ready('pod/held', 'pod/kept');
    const answerByCni = async () => {
      for (const address of [byCni.container, byCni.process]) {
        await cluster.until(`${address} answers`, async () => {
          return (await cluster.lab.exec(2, ping(address))).code === 0;
        });
      }
    };
    const addresses = await Promise.all(['held', 'kept'].map(addressOf));
    const answer = async () => {
      for (const address of addresses) {
        await cluster.until(`${address} answers`, async () => {
          return (await cluster.lab.exec(1, ping(address))).code === 0;
        });
      }
    };
    await cluster.sh(2, 'systemctl restart docker');
    await answer();
    await cluster.killBerth(1);
    await cluster.lab.crash(2);
    await cluster.lab.boot(2);
    await cluster.reviveBerth(2);
    await answer();
    await answerByCni();
    await cluster.reviveBerth(1);
    await ready('pod/held', 'pod/kept', 'pod/cni-container', 'pod/cni-process');
    expect(await Promise.all(['held', 'kept'].map(addressOf))).toEqual(addresses);
    const told = ['get', 'pod/held', 'pod/kept', '-o', 'jsonpath={.items[*].status.podIP}'];
    expect((await cluster.kubectl(...told)).split(' ')).toEqual(addresses);
    // An agent that starts finds them running, and answers their questions as before.
    await cluster.killBerth(2);
    await cluster.reviveBerth(2);
    const lookUp = ['exec', 'kept', '--', 'busybox', 'nslookup', 'held.default.berth'];
    await cluster.until('names are answered', async () => {
      return (await cluster.berth(1, ...lookUp)).stdout.includes(addresses[0] ?? '-');
    });
  },
  timeoutMs,
);
