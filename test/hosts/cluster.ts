/** Berth over several hosts of the lab: the plane on the first, agents of the others joined to it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../e2e/until.ts';
import { buildBerth } from '../harness/build.ts';
import { type Output, type RunOptions, startCommand } from '../harness/run-command.ts';
import { type Lab, startLab } from './lab.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const berth = join(root, 'bin', 'berth');
const kubeconfig = '/var/lib/berth/kubeconfig';
/** Longer than what `kubectl wait` is told. */
const commandMs = 240_000;
const etcdUnit = 'plane-store';

/** A guest of `Lab.makeGuest` with an address of the hosts' own network. */
export const guestCommandLine = (address: string, hostname: string) =>
  `console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check ip=${address}/24 hostname=${hostname}`;

/** Runs everywhere on the lab's hosts, made of the machine's busybox. */
export const labImage = 'berth-lab/busybox:1';
const makeImage = `cd /tmp && rm -rf image && mkdir -p image/bin && cp /usr/bin/busybox image/bin/ &&
  for name in $(busybox --list); do [ -e image/bin/$name ] || ln -s busybox image/bin/$name; done &&
  tar -C image -c . | docker import - ${labImage}`;

export interface ClusterOptions {
  /** Flags of `berth up` and of `berth join`. */
  readonly up?: readonly string[];
  readonly join?: readonly string[];
  /** An etcd on the first host instead of the embedded store. */
  readonly etcd?: boolean;
}

export class Cluster {
  readonly lab: Lab;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Hosts `h1` … are nodes of the same names, and ready; the plane is on `h1`. */
  static async start(hosts: number, options: ClusterOptions = {}): Promise<Cluster> {
    await buildBerth();
    const cluster = new Cluster(await startLab(hosts));
    try {
      const numbers = Array.from({ length: hosts }, (_, at) => at + 1);
      await cluster.lab.makeGuest();
      await Promise.all(numbers.map((number) => cluster.sh(number, makeImage)));
      await cluster.#startPlane(options);
      for (const number of numbers.slice(1)) await cluster.#join(number, options.join ?? []);
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  async #startPlane({ up = [], etcd = false }: ClusterOptions): Promise<void> {
    if (etcd) await this.startEtcd();
    const store = etcd ? ['--store', 'etcd://127.0.0.1:2379'] : [];
    await this.run(1, [berth, 'up', '--host', '0.0.0.0', ...store, ...up]);
  }

  /** Also after `killEtcd`. */
  async startEtcd(): Promise<void> {
    const unit = ['systemd-run', `--unit=${etcdUnit}`, '--collect', '--service-type=notify'];
    await this.run(1, [...unit, 'etcd', '--data-dir=/var/lib/etcd']);
  }

  async killEtcd(): Promise<void> {
    await this.sh(1, `systemctl kill -s KILL ${etcdUnit}`);
  }

  /** What `berth token create --print-join-command` prints is what is run. */
  async #join(number: number, flags: readonly string[]): Promise<void> {
    const printed = await this.run(1, [berth, 'token', 'create', '--print-join-command']);
    const [, ...words] = printed.stdout.trim().split(/\s+/);
    await this.run(number, [berth, ...words, ...flags]);
    await this.kubectl('wait', `node/h${number}`, '--for=condition=Ready', '--timeout=180s');
  }

  /** Throws when it fails. */
  async run(number: number, command: readonly string[], options: RunOptions = {}): Promise<Output> {
    const output = await this.lab.exec(number, command, { timeoutMs: commandMs, ...options });
    if (output.code === 0) return output;
    const { code, stdout, stderr } = output;
    throw new Error(`on h${number}, ${command.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  }

  async sh(number: number, script: string): Promise<string> {
    return (await this.run(number, ['sh', '-ec', script])).stdout.trim();
  }

  /** `berth` on host `number`, with the plane's own kubeconfig. */
  berth(number: number, ...args: readonly string[]): Promise<Output> {
    return this.lab.exec(number, ['env', `KUBECONFIG=${kubeconfig}`, berth, ...args], {
      timeoutMs: commandMs,
    });
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const command = ['env', `KUBECONFIG=${kubeconfig}`, 'kubectl', ...args];
    return (await this.run(1, command)).stdout;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    const command = ['env', `KUBECONFIG=${kubeconfig}`, 'kubectl', 'apply', '-f', '-'];
    await this.run(1, command, { stdin: JSON.stringify(list) });
  }

  /** A program that goes on, for instance `nc`, with its input and output as streams. */
  background(number: number, command: readonly string[]) {
    const [program, args] = this.lab.command(number, command);
    return startCommand(program, args, { env: this.lab.env });
  }

  /** `kill -9` of every process of Berth on the host, server and agent. */
  async killBerth(number: number): Promise<void> {
    await this.run(number, ['pkill', '-9', '-f', 'dist/cli/main.js']);
  }

  /** As `berth up` or `berth join` would after a reboot. */
  reviveBerth(number: number): Promise<Output> {
    return this.run(number, [berth, number === 1 ? 'up' : 'join']);
  }

  async until(what: string, probe: () => Promise<boolean>, timeoutMs = commandMs): Promise<void> {
    await until(what, probe, timeoutMs).catch(async (error) => {
      const all = await this.kubectl('get', 'pods,vms,nodes,events', '-A', '-o', 'wide').catch(
        String,
      );
      throw new Error(`${error}\n${all}`, { cause: error });
    });
  }

  remove(): Promise<void> {
    return this.lab.down();
  }
}
