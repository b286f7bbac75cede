/** What a machine that joined a plane knows: where its servers are, and what it is called. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, Failure } from '../failure.ts';
import type { NodeFlags } from '../node/node-flags.ts';
import type { PlaneConfig } from '../plane/config.ts';
import type { PlanePaths } from '../plane/paths.ts';

export interface Joined extends NodeFlags {
  /** URLs; all of one plane. */
  readonly servers: readonly string[];
  readonly nodeName: string;
  /** PEM of the plane's authority. */
  readonly ca: string;
  /** Under which the servers reach this node; absent = found out at each start. */
  readonly address?: string;
  readonly leaseMs?: number;
  /** Each as `--disk` takes it. */
  readonly disks?: readonly string[];
  /** How long certificates are asked for; absent = as long as the plane gives. */
  readonly certificateSeconds?: number;
}

export function loadJoined(paths: PlanePaths): Joined | undefined {
  try {
    // Written by `saveJoined` only.
    return JSON.parse(readFileSync(paths.joined, 'utf8')) as Joined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (codeOf(error) !== undefined) throw error;
    throw new Failure(`${paths.joined} is damaged: remove it and join again`, { cause: error });
  }
}

export function saveJoined(paths: PlanePaths, joined: Joined): void {
  mkdirSync(paths.dataDir, { recursive: true, mode: 0o700 });
  const draft = `${paths.joined}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(joined, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, paths.joined);
}

/** A directory is a plane's or a joined node's, never both. */
export function refuseJoined(paths: PlanePaths): void {
  const joined = loadJoined(paths);
  if (joined === undefined) return;
  throw new Failure(
    `${paths.dataDir} belongs to node "${joined.nodeName}" of ${joined.servers[0]}: start it with ` +
      '"berth agent", or choose another --data-dir for a plane of its own',
  );
}

export function refusePlane(paths: PlanePaths): void {
  if (!existsSync(join(paths.pki, 'ca.key'))) return;
  throw new Failure(
    `${paths.dataDir} holds a plane of its own: choose another --data-dir for the node that joins`,
  );
}

/** As the pid file and `berth status` know it. */
export function joinedConfig({ servers, nodeName, leaseMs }: Joined): PlaneConfig {
  const { hostname, port } = new URL(servers[0] ?? 'https://invalid');
  return {
    host: hostname,
    port: Number(port || 443),
    store: 'none (this machine has joined)',
    agent: true,
    nodeName,
    servers,
    ...(leaseMs === undefined ? {} : { leaseMs }),
  };
}
