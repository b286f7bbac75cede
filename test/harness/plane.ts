/** A whole plane of its own for a test: `berth up` as a process, on either store, in a temporary folder. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { berthPath, buildBerth } from './build.ts';
import { freePort, startEtcd, type TestEtcd } from './etcd.ts';
import { loadBusyboxImage } from './images.ts';
import { type Output, type RunOptions, runCommand } from './run-command.ts';

export const stores = ['embedded', 'etcd'] as const;
export type StoreKind = (typeof stores)[number];

export const docker = new Docker({ socketPath: '/var/run/docker.sock' });

export interface Plane {
  readonly store: StoreKind;
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly nodeName: string;
  /** As the administrator. */
  readonly client: Client;
  /** Of the one Berth process; throws when it does not run. */
  pid(): number;
  /** `kill -9` of the process that `berth up` left in the background. */
  kill(): Promise<void>;
  /** `berth up` with nothing but the data directory: everything else is remembered. */
  up(): Promise<void>;
  down(): Promise<void>;
  /** Runs the `berth` command against this plane. */
  berth(args: readonly string[], options?: RunOptions): Promise<Output>;
  /** Every container of this plane, running or not. */
  containers(): Promise<readonly Docker.ContainerInfo[]>;
  /** What the plane has said so far. */
  log(): string;
  /** Ends the process, and removes its containers, its folder and its etcd. */
  remove(): Promise<void>;
}

/** Starts a new plane; ready when this resolves. */
export async function startPlane(store: StoreKind, flags: readonly string[] = []): Promise<Plane> {
  await Promise.all([buildBerth(), loadBusyboxImage(docker)]);
  const dataDir = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  const etcd = store === 'etcd' ? await startEtcd() : undefined;
  const storeFlags = etcd === undefined ? [] : ['--store', `etcd://${etcd.endpoint}`];
  const plane = new TestPlane(store, dataDir, etcd);
  try {
    const port = String(await freePort());
    await plane.start('--port', port, '--node-name', 'node-1', ...storeFlags, ...flags);
  } catch (error) {
    await plane.remove();
    throw error;
  }
  return plane;
}

class TestPlane implements Plane {
  readonly nodeName = 'node-1';
  readonly store: StoreKind;
  readonly dataDir: string;
  readonly #etcd: TestEtcd | undefined;
  #connection: { readonly client: Client; close(): void } | undefined;
  readonly #removeOnExit = () => this.#removeNow();

  constructor(store: StoreKind, dataDir: string, etcd: TestEtcd | undefined) {
    this.store = store;
    this.dataDir = dataDir;
    this.#etcd = etcd;
    process.once('exit', this.#removeOnExit);
  }

  get kubeconfig(): string {
    return join(this.dataDir, 'kubeconfig');
  }

  get client(): Client {
    this.#connection ??= connect(this.kubeconfig);
    return this.#connection.client;
  }

  async start(...flags: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#berth(['up', '--data-dir', this.dataDir, ...flags]);
    if (code !== 0) throw new Error(`berth up failed: ${stderr}\n${this.log().slice(-4_000)}`);
  }

  up(): Promise<void> {
    return this.start();
  }

  async down(): Promise<void> {
    const { code, stderr } = await this.#berth(['down', '--data-dir', this.dataDir]);
    if (code !== 0) throw new Error(`berth down failed: ${stderr}`);
  }

  pid(): number {
    const text = readFileSync(join(this.dataDir, 'berth.pid'), 'utf8');
    return (JSON.parse(text) as { pid: number }).pid;
  }

  async kill(): Promise<void> {
    const pid = this.pid();
    process.kill(pid, 'SIGKILL');
    while (existsSync(`/proc/${pid}`) && !isZombie(pid)) await systemClock.sleep(5);
  }

  berth(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    const env = { KUBECONFIG: this.kubeconfig, HOME: this.dataDir, ...options.env };
    return this.#berth(args, { ...options, env });
  }

  containers(): Promise<readonly Docker.ContainerInfo[]> {
    return docker.listContainers({ all: true, filters: { label: [this.#label()] } });
  }

  log(): string {
    return readIfThere(join(this.dataDir, 'log', 'berth.log'));
  }

  async remove(): Promise<void> {
    process.off('exit', this.#removeOnExit);
    this.#connection?.close();
    this.#removeNow();
    await this.#etcd?.stop();
  }

  #berth(args: readonly string[], options?: RunOptions): Promise<Output> {
    return runCommand(process.execPath, [berthPath, ...args], options);
  }

  #label(): string {
    return `berth.dev/node=${readIfThere(join(this.dataDir, 'agent', 'node-id')).trim()}`;
  }

  /** Also works while this process exits. */
  #removeNow(): void {
    try {
      process.kill(this.pid(), 'SIGKILL');
    } catch {
      // It does not run.
    }
    const run = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' });
    const label = this.#label();
    if (label !== 'berth.dev/node=') {
      const ids = run('ps', '-aq', '--filter', `label=${label}`).split('\n').filter(Boolean);
      if (ids.length > 0) run('rm', '-f', '-v', ...ids);
    }
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function connect(kubeconfig: string): { readonly client: Client; close(): void } {
  const transport = createHttpsTransport(loadKubeconfig(kubeconfig));
  const client = createClient(transport, { userAgent: 'e2e', clock: systemClock });
  return { client, close: () => transport.close() };
}

function isZombie(pid: number): boolean {
  return /^\d+ \(.*\) Z/.test(readIfThere(`/proc/${pid}/stat`));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
