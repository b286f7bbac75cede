/** What a plane was started with, kept so that `berth up` without flags starts the same again. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { codeOf, Failure } from '../failure.ts';
import type { NodeFlags } from '../node/node-flags.ts';
import type { OidcFlags } from './oidc.ts';
import { type PlanePaths, planePaths } from './paths.ts';

export interface PlaneConfig extends OidcFlags, NodeFlags {
  readonly host: string;
  readonly port: number;
  /** As `--store` takes it. */
  readonly store: string;
  readonly storeCa?: string;
  readonly storeCert?: string;
  readonly storeKey?: string;
  readonly agent: boolean;
  readonly nodeName: string;
  /** Further names and addresses that the serving certificate is for. */
  readonly tlsSans?: readonly string[];
  /** How long a node may be silent until it is NotReady; default 40 s. */
  readonly nodeGraceMs?: number;
  /** Objects are stored as that file says; plain when absent. */
  readonly encryptionProviderConfig?: string;
  /** With the next one: how many requests are answered at once; default 400. */
  readonly maxRequestsInflight?: number;
  /** Default 200. */
  readonly maxMutatingRequestsInflight?: number;
  /** Default one minute. */
  readonly requestTimeoutMs?: number;
  /** Requests are recorded when it is there. */
  readonly auditLogPath?: string;
  readonly auditPolicyFile?: string;
  /** In megabytes; default 100. */
  readonly auditLogMaxsize?: number;
  /** Default 10. */
  readonly auditLogMaxbackup?: number;
  /** As `--controllers` takes it; default all. */
  readonly controllers?: string;
  /** `iss` of service accounts' tokens. */
  readonly serviceAccountIssuer?: string;
  /** Admission plugins that are left out. */
  readonly disabledAdmission?: readonly string[];
  /** Each as `--disk` takes it. */
  readonly disks?: readonly string[];
  /** How long a beat of this node counts; default 40 s. */
  readonly leaseMs?: number;
  /** Of an agent that joined: its servers; there is no server of its own then. */
  readonly servers?: readonly string[];
}

/** What the command line said; absent = as before, or the default. */
export type PlaneFlags = Partial<PlaneConfig>;

export const defaultPort = 6443;

/** Flags win over what is stored, and that over the defaults. Pure. */
export function resolveConfig(
  paths: PlanePaths,
  flags: PlaneFlags,
  stored: PlaneFlags | undefined,
): PlaneConfig {
  const defaults: PlaneConfig = {
    host: '127.0.0.1',
    port: defaultPort,
    store: `embedded:${paths.store}`,
    agent: true,
    nodeName: machineName(),
  };
  // Certificates belong to the store they were given with.
  const { storeCa, storeCert, storeKey, ...base } = stored ?? {};
  const kept = flags.store === undefined ? { ...stored } : base;
  return { ...defaults, ...kept, ...flags };
}

/** Which settings of a running plane the flags would change. Pure. */
export function differences(flags: PlaneFlags, running: PlaneConfig): readonly string[] {
  // Both are records of the same fields.
  const have = running as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(flags)
    .filter(([name, value]) => String(have[name]) !== String(value))
    .map(([name, value]) => `${name} ${String(have[name])} (not ${String(value)})`);
}

export function loadConfig(dataDir: string): PlaneConfig | undefined {
  const { config } = planePaths(dataDir);
  try {
    // Written by `saveConfig` only.
    return JSON.parse(readFileSync(config, 'utf8')) as PlaneConfig;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (codeOf(error) !== undefined) throw error;
    throw new Failure(`${config} is damaged: remove it, and name --store and --port again`, {
      cause: error,
    });
  }
}

export function saveConfig(paths: PlanePaths, config: PlaneConfig): void {
  const draft = `${paths.config}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, paths.config);
}

/** Makes paths inside a store's URL independent of the working directory. Pure. */
export function absoluteStore(url: string): string {
  const prefix = 'embedded:';
  return url.startsWith(prefix) && url.length > prefix.length
    ? `${prefix}${resolve(url.slice(prefix.length))}`
    : url;
}

/** How this machine reaches a server that listens on `host`. Pure. */
export function serverUrl(host: string, port: number): string {
  const reachable = isAny(host) ? '127.0.0.1' : host;
  return `https://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** Whether `host` means every address of the machine. */
export function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The host name as a legal object name. */
export function machineName(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return name === '' ? 'node' : name.slice(0, 63);
}

/** Addresses under which other machines may reach this one. */
export function outsideAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);
}

/** Where other machines reach a server that listens on `host`; itself when it names one address. */
export function reachableHost(host: string): string {
  return isAny(host) ? (outsideAddresses()[0] ?? '127.0.0.1') : host;
}
