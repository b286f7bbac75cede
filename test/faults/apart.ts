/** A real server and a real agent as processes of their own, to be killed one without the other. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { until } from '../e2e/until.ts';
import { berthMain, buildBerth } from '../harness/build.ts';
import { freePort, startEtcd, type TestEtcd } from '../harness/etcd.ts';
import { loadBusyboxImage } from '../harness/images.ts';
import { type Output, type Running, runCommand, startCommand } from '../harness/run-command.ts';

export type Part = 'server' | 'agent';

export interface ApartOptions {
  /** Default the embedded store. */
  readonly etcd?: boolean;
  /** Where the engine listens that the agent shall use; default the machine's. */
  readonly engineSocket?: string;
}

const machineSocket = '/var/run/docker.sock';

const nodeName = 'n1';

export class Apart {
  readonly client: Client;
  readonly etcd: TestEtcd | undefined;
  readonly docker: Docker;
  readonly dataDir: string;
  readonly #port: number;
  readonly #engineSocket: string;
  readonly #running: Partial<Record<Part, Running>> = {};
  readonly #close: () => void;

  private constructor(parts: {
    dataDir: string;
    port: number;
    etcd: TestEtcd | undefined;
    engineSocket: string;
    docker: Docker;
    server: Running;
  }) {
    this.dataDir = parts.dataDir;
    this.#port = parts.port;
    this.etcd = parts.etcd;
    this.#engineSocket = parts.engineSocket;
    this.docker = parts.docker;
    this.#running.server = parts.server;
    const transport = createHttpsTransport(loadKubeconfig(join(parts.dataDir, 'kubeconfig')));
    this.client = createClient(transport, { userAgent: 'faults', clock: systemClock });
    this.#close = () => transport.close();
  }

  static async start(options: ApartOptions = {}): Promise<Apart> {
    const { etcd: withEtcd, engineSocket = machineSocket } = options;
    const docker = new Docker({ socketPath: engineSocket });
    await buildBerth();
    await loadBusyboxImage(docker);
    const dataDir = mkdtempSync(join(tmpdir(), 'berth-apart-'));
    const port = await freePort();
    const etcd = withEtcd ? await startEtcd() : undefined;
    const server = serve(dataDir, port, etcd);
    await served(server);
    const apart = new Apart({ dataDir, port, etcd, engineSocket, docker, server });
    const words = ['kubeconfig', '--node', nodeName, '--data-dir', dataDir];
    const { code, stdout, stderr } = await runCommand(process.execPath, [berthMain, ...words]);
    if (code !== 0) throw new Error(`no kubeconfig for the node: ${stderr}`);
    writeFileSync(join(dataDir, 'node.kubeconfig'), stdout, { mode: 0o600 });
    await apart.revive('agent');
    return apart;
  }

  async kill(part: Part): Promise<void> {
    await this.#running[part]?.stop('SIGKILL');
    delete this.#running[part];
  }

  /** Resolves when a server serves; an agent's work is waited for by its results. */
  async revive(part: Part): Promise<void> {
    if (this.#running[part] !== undefined) return;
    if (part === 'server') {
      const server = serve(this.dataDir, this.#port, this.etcd);
      this.#running.server = server;
      await served(server);
      return;
    }
    const config = join(this.dataDir, 'node.kubeconfig');
    const words = ['agent', '--kubeconfig', config, '--node-name', nodeName];
    const flags = ['--data-dir', join(this.dataDir, 'node'), '--address', '127.0.0.1'];
    const all = [berthMain, ...words, ...flags];
    this.#running.agent = startCommand(process.execPath, all, {
      env: { DOCKER_HOST: `unix://${this.#engineSocket}` },
    });
  }

  /** Runs the `berth` command as the administrator. */
  berth(...args: readonly string[]): Promise<Output> {
    const env = { KUBECONFIG: join(this.dataDir, 'kubeconfig'), HOME: this.dataDir };
    return runCommand(process.execPath, [berthMain, ...args], { env });
  }

  containers(): Promise<readonly Docker.ContainerInfo[]> {
    const label = [`berth.dev/node=${this.#nodeId()}`];
    return this.docker.listContainers({ all: true, filters: { label } });
  }

  /** Process ids of all that runs, by pod uid and container. */
  async pids(): Promise<ReadonlyMap<string, number>> {
    const all = await this.containers();
    const running = all.filter(({ State }) => State === 'running');
    const pairs = await Promise.all(
      running.map(async ({ Id, Labels }) => {
        const { State } = await this.docker.getContainer(Id).inspect();
        const name = `${Labels['berth.dev/instance']}/${Labels['berth.dev/container'] ?? ''}`;
        return [name, State.Pid] as const;
      }),
    );
    return new Map(pairs);
  }

  /** Pods that have a folder of their own on the node. */
  folders(): readonly string[] {
    try {
      return readdirSync(join(this.dataDir, 'node', 'agent', 'pods'));
    } catch {
      return [];
    }
  }

  said(part: Part): string {
    return this.#running[part]?.stderr() ?? '';
  }

  async remove(): Promise<void> {
    this.#close();
    await Promise.all([this.kill('agent'), this.kill('server')]);
    try {
      for (const { Id } of await this.containers()) {
        await this.docker.getContainer(Id).remove({ force: true, v: true });
      }
    } finally {
      await this.etcd?.stop();
      rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  #nodeId(): string {
    return readIfThere(join(this.dataDir, 'node', 'agent', 'node-id')) || 'none';
  }
}

function serve(dataDir: string, port: number, etcd: TestEtcd | undefined): Running {
  const store = etcd === undefined ? [] : ['--store', `etcd://${etcd.endpoint}`];
  const words = ['server', '--data-dir', dataDir, '--port', String(port), ...store];
  return startCommand(process.execPath, [berthMain, ...words]);
}

async function served(server: Running): Promise<void> {
  await until('the server serves', () => {
    if (server.child.exitCode !== null) throw new Error(server.stderr().slice(-2_000));
    return server.stderr().includes('kubeconfig: ');
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
