/** A container, a process and a machine that echo what they are sent, on one host. */
import { until } from '../e2e/until.ts';
import { CounterStream } from '../faults/counter-stream.ts';
import { type Cluster, guestCommandLine, labImage } from './cluster.ts';

const port = 7_000;
const bootMs = 180_000;
const guestAddress = '10.99.0.120';
const echo = ['nc', '-ll', '-p', String(port), '-e', 'cat'];

/** By the name of the pod or VM: what finds its main process on its host. */
const patterns = {
  container: '^nc -ll -p 7000 -e cat',
  process: '^/usr/bin/busybox nc -ll',
  machine: '^/usr/bin/qemu.*guest=berth_default_machine_',
} as const;

const manifests = (node: string) => [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'container' },
    spec: {
      nodeName: node,
      containers: [{ name: 'main', image: labImage, imagePullPolicy: 'Never', command: echo }],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'process' },
    spec: {
      nodeName: node,
      runtimeClassName: 'systemd',
      containers: [
        { name: 'main', command: ['/usr/bin/busybox', ...echo.slice(0, -1), '/usr/bin/cat'] },
      ],
    },
  },
  {
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name: 'machine' },
    spec: {
      nodeName: node,
      resources: { requests: { cpu: '500m', memory: '160Mi' } },
      boot: {
        kernel: '/lab/vmlinuz',
        initrd: '/lab/initrd.gz',
        commandLine: guestCommandLine(guestAddress, 'machine'),
      },
      interfaces: [{ bridge: 'br0', address: `${guestAddress}/24` }],
      graphics: false,
    },
  },
];

export class Hulls {
  readonly #cluster: Cluster;
  readonly #host: number;

  private constructor(cluster: Cluster, host: number) {
    this.#cluster = cluster;
    this.#host = host;
  }

  /** All three run on host `number`, and the guest has booted. */
  static async start(cluster: Cluster, number: number): Promise<Hulls> {
    const hulls = new Hulls(cluster, number);
    await cluster.apply(...manifests(`h${number}`));
    await hulls.ready();
    await hulls.echoInGuest();
    return hulls;
  }

  async ready(): Promise<void> {
    const all = ['pod/container', 'pod/process', 'vm/machine'];
    await this.#cluster.kubectl('wait', ...all, '--for=condition=Ready', '--timeout=180s');
  }

  /** The guest's own echo; a machine that has booted again needs it again. */
  async echoInGuest(): Promise<void> {
    const serve = `${echo.join(' ')} </dev/null >/dev/null 2>&1 &`;
    await until(
      'the agent of the guest answers',
      async () => {
        const { code } = await this.#cluster.berth(
          1,
          'exec',
          'vm/machine',
          '--',
          'sh',
          '-c',
          serve,
        );
        return code === 0;
      },
      bootMs,
    );
  }

  async addresses(): Promise<readonly string[]> {
    const words = await this.#cluster.kubectl(
      ...['get', 'pod/container', 'pod/process', '-o', 'jsonpath={.items[*].status.podIP}'],
    );
    return [...words.split(' '), guestAddress];
  }

  /** A connection to the echo of each, made on their own host; `nc` carries it. */
  async streams(): Promise<readonly CounterStream[]> {
    const connect = (address: string) =>
      this.#cluster.background(this.#host, ['busybox', 'nc', address, String(port)]);
    return (await this.addresses()).map((address) => CounterStream.over(connect(address).child));
  }

  /** What the host answers for the name of the container, whoever of Berth is there. */
  async resolved(): Promise<string> {
    const find = 'busybox nslookup -type=a container.default.berth 10.214.0.1 || true';
    return this.#cluster.sh(this.#host, find);
  }

  /** The main process of each as its host counts them, with the moment of its start. */
  async processes(): Promise<Readonly<Record<string, string>>> {
    const told = Object.entries(patterns).map(async ([name, pattern]) => {
      const find = `for pid in $(pgrep -o -f '${pattern}'); do cut -d' ' -f1,22 /proc/$pid/stat; done`;
      return [name, await this.#cluster.sh(this.#host, find)] as const;
    });
    return Object.fromEntries(await Promise.all(told));
  }
}
