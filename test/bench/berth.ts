/** A plane of its own for a benchmark: the built command, in the background, with everything removed afterwards. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport, type HttpsTransportOptions } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createClient } from '../../client/rest-client.ts';
import type { Transport } from '../../client/transport.ts';
import { systemClock } from '../../lib/clock.ts';
import { buildBerth } from '../harness/build.ts';

const run = promisify(execFile);
const command = new URL('../../bin/berth', import.meta.url).pathname;

export interface BenchPlane {
  readonly dataDir: string;
  readonly client: Client;
  readonly transport: Transport;
  /** Where it is, and as whom it is spoken to. */
  readonly access: HttpsTransportOptions;
  /** From calling `berth up` to its return, when the plane and its node are ready. */
  readonly readyMs: number;
  readonly pid: number;
  down(): Promise<void>;
}

export async function berth(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(command, [...args]);
  return stdout;
}

/** Of the command as its sources are now. `dataDir` may be one that was used before: then this is a warm start. */
export async function upPlane(
  dataDir?: string,
  flags: readonly string[] = [],
): Promise<BenchPlane> {
  await buildBerth();
  const dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'berth-bench-')));
  const port = await freePort();
  const startedMs = performance.now();
  await berth('up', '--data-dir', dir, '--port', String(port), ...flags);
  const readyMs = performance.now() - startedMs;
  const config = await loadKubeconfig(join(dir, 'kubeconfig'));
  const transport = createHttpsTransport(config);
  // Our own command has just written it.
  const { pid } = JSON.parse(await readFile(join(dir, 'berth.pid'), 'utf8')) as { pid: number };
  return {
    dataDir: dir,
    transport,
    access: config,
    client: createClient(transport, { userAgent: 'berth-bench', clock: systemClock }),
    readyMs,
    pid,
    async down() {
      await transport.close();
      await berth('down', '--data-dir', dir);
    },
  };
}

export async function removeDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Resident memory in MiB, as the kernel counts it. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
}

export function summary(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return { min: round(at(0)), median: round(at(0.5)), p99: round(at(0.99)), runs: values.length };
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** CPU seconds a process has used since it started, as the kernel counts them. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Bytes of all files under a directory, as they lie on the disk. */
export async function diskBytes(dir: string): Promise<number> {
  const { stdout } = await run('du', ['-s', '--block-size=1', dir]);
  return Number(stdout.split('\t')[0]);
}
