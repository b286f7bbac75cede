/** Ports of this machine: who has one, and which is free. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { Failure } from '../failure.ts';

/** How far above a taken port a free one is looked for. */
const triesMax = 50;

/** Resolves with the system's code when `port` cannot be had, else `undefined`. */
export function probePort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** The next port above `port` that nobody has. */
export async function nextFreePort(host: string, port: number): Promise<number | undefined> {
  for (let next = port + 1; next <= Math.min(port + triesMax, 65_535); next += 1) {
    if ((await probePort(host, next)) === undefined) return next;
  }
  return undefined;
}

/** The sentence for a port that somebody else has. */
export async function portInUse(host: string, port: number): Promise<Failure> {
  const owner = portOwner(port);
  const by = owner === undefined ? 'by another process' : `by ${owner.name} (pid ${owner.pid})`;
  const free = await nextFreePort(host, port);
  const remedy = free === undefined ? 'another --port' : `another one, for example --port ${free}`;
  return new Failure(`port ${port} on ${host} is already in use ${by}: choose ${remedy}`);
}

/** Who listens on a TCP port, where the system tells us. */
export function portOwner(port: number): { pid: number; name: string } | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const holds = list(`/proc/${entry}/fd`).some((fd) => {
      const target = link(`/proc/${entry}/fd/${fd}`);
      return target !== undefined && inodes.has(target);
    });
    if (!holds) continue;
    return { pid: Number(entry), name: read(`/proc/${entry}/comm`).trim() };
  }
  return undefined;
}

const listening = '0A';

/** `socket:[inode]` of every listening socket on the port. */
function listeningInodes(port: number): ReadonlySet<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = [...read('/proc/net/tcp').split('\n'), ...read('/proc/net/tcp6').split('\n')];
  const inodes = rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, local = '', , state]) => local.endsWith(`:${wanted}`) && state === listening)
    .map((fields) => `socket:[${fields[9]}]`);
  return new Set(inodes);
}

/** What we may not see counts as absent. */
function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
