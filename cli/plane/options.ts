/** The options that describe a plane, the same for `up` and `server`. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LogLevel } from '../../lib/log.ts';
import { durationMs, wholeNumber } from '../command.ts';
import { usage } from '../failure.ts';
import { type NodeCommandOptions, nodeFlags } from '../node/node-flags.ts';
import { checkedControllers, controllersHelp } from './chosen-controllers.ts';
import { absoluteStore, type PlaneFlags } from './config.ts';
import { addOidcOptions, type OidcFlags, oidcFlags } from './oidc.ts';

/** What commander hands over. */
export interface PlaneCommandOptions extends OidcFlags, NodeCommandOptions {
  readonly dataDir?: string;
  readonly host?: string;
  readonly port?: number;
  readonly auditLogPath?: string;
  readonly auditPolicyFile?: string;
  readonly auditLogMaxsize?: number;
  readonly auditLogMaxbackup?: number;
  readonly tlsSan?: readonly string[];
  readonly encryptionProviderConfig?: string;
  readonly disableAdmissionPlugins?: readonly string[];
  readonly serviceAccountIssuer?: string;
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
  readonly requestTimeout?: number;
  readonly nodeMonitorGracePeriod?: number;
  readonly nodeLeaseDuration?: number;
  readonly controllers?: string;
  readonly store?: string;
  readonly storeCa?: string;
  readonly storeCert?: string;
  readonly storeKey?: string;
  readonly nodeName?: string;
  readonly disk?: readonly string[];
  readonly agent?: boolean;
  readonly logLevel: LogLevel;
}

export const dataDirHelp =
  'where the plane keeps its state (default: /var/lib/berth as root, else ~/.local/share/berth)';

export function addServerOptions(command: Command): Command {
  const all = command
    .option('--data-dir <dir>', dataDirHelp)
    .option('--port <number>', 'port of the API (default: 6443)', wholeNumber('--port', 1, 65_535))
    .option(
      '--host <address>',
      'address the API listens on (default: 127.0.0.1; 0.0.0.0 = all, so that others can join)',
    )
    .option(
      '--tls-san <name>',
      'one more name or address that the serving certificate is for; may be given several times',
      (name: string, names: readonly string[] = []) => [...names, name],
    )
    .option(
      '--service-account-issuer <url>',
      'who issues the tokens of service accounts (default: https://kubernetes.default.svc)',
      issuerUrl,
    )
    .option(
      '--disable-admission-plugins <names>',
      'admission plugins to do without, separated by commas: ServiceAccount',
      pluginNames,
    )
    .option(
      '--node-monitor-grace-period <duration>',
      'how long a node may be silent until it is NotReady (default: 40s)',
      patience('--node-monitor-grace-period'),
    )
    .option('--controllers <list>', controllersHelp, checkedControllers);
  return addStore(addOidcOptions(addLimits(all)));
}

function addLimits(command: Command): Command {
  return command
    .option(
      '--encryption-provider-config <file>',
      'which kinds are stored encrypted, and the keys (EncryptionConfiguration; default: none)',
    )
    .option(
      '--max-requests-inflight <number>',
      'with the next one: how many requests are answered at once; others wait in turn (default: 400)',
      wholeNumber('--max-requests-inflight', 1, 100_000),
    )
    .option(
      '--max-mutating-requests-inflight <number>',
      'added to the one before (default: 200)',
      wholeNumber('--max-mutating-requests-inflight', 0, 100_000),
    )
    .option(
      '--request-timeout <duration>',
      'a request that takes longer is ended with 504; not watches and other streams (default: 1m)',
      requestTimeout,
    );
}

/** Nothing shorter leaves a busy disk the time for one write. */
const requestTimeoutMinMs = 1_000;

function requestTimeout(text: string): number {
  const ms = durationMs(text);
  if (ms < requestTimeoutMinMs) throw usage(`--request-timeout must be at least 1s, not "${text}"`);
  return ms;
}

/** Upstream takes any text without a colon, too; nobody could find the keys of such an issuer. */
function issuerUrl(text: string): string {
  if (URL.canParse(text) && text.startsWith('https://')) return text;
  throw usage(`--service-account-issuer must be an https:// address, not "${text}"`);
}

/** Those without which a server is one still, as `apiserver` has them. */
const optionalPlugins: readonly string[] = ['ServiceAccount'];

function pluginNames(text: string): readonly string[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !optionalPlugins.includes(name));
  if (unknown === undefined) return names;
  throw usage(
    `--disable-admission-plugins knows no "${unknown}": it takes ${optionalPlugins.join(', ')}`,
  );
}

/** For what works on the store while no plane runs. */
export function addStoreOptions(command: Command): Command {
  return addStore(command.option('--data-dir <dir>', dataDirHelp));
}

function addStore(command: Command): Command {
  return command
    .option(
      '--store <url>',
      'embedded:<dir>, or etcd://host:port,host:port (default: embedded:<data-dir>/store)',
    )
    .option('--audit-log-path <file>', 'records every request there, a JSON line each')
    .option(
      '--audit-policy-file <file>',
      'which requests, and how much of them (audit.k8s.io/v1 Policy; default: metadata of all)',
    )
    .option(
      '--audit-log-maxsize <megabytes>',
      'a larger audit log is moved aside (default: 100)',
      wholeNumber('--audit-log-maxsize', 1, 100_000),
    )
    .option(
      '--audit-log-maxbackup <number>',
      'so many of those are kept, 0 = all (default: 10)',
      wholeNumber('--audit-log-maxbackup', 0, 10_000),
    )
    .option('--store-ca <file>', 'authority of the etcd servers; switches TLS on')
    .option('--store-cert <file>', 'client certificate for etcd')
    .option('--store-key <file>', 'key of that certificate');
}

export function addLogLevel(command: Command): Command {
  return command.option(
    '--log-level <level>',
    'error, warn, info or debug',
    (text: string): LogLevel => {
      if (levels.has(text)) return text as LogLevel; // It is one of them.
      throw usage(`--log-level must be error, warn, info or debug, not "${text}"`);
    },
    'info',
  );
}

/** Nothing shorter can be told from a machine that is busy. */
const patienceMinMs = 2_000;

/** A duration that decides when a node counts as dead. */
export function patience(name: string): (text: string) => number {
  return (text) => {
    const ms = durationMs(text);
    if (ms < patienceMinMs) throw usage(`${name} must be at least 2s, not "${text}"`);
    return ms;
  };
}

export const leaseHelp =
  'how long a heartbeat of this node counts (default: 40s; beats come four times as often)';

const levels: ReadonlySet<string> = new Set(['error', 'warn', 'info', 'debug']);

/** Only what was said, with paths made absolute. */
export function planeFlags(options: PlaneCommandOptions): PlaneFlags {
  const {
    host,
    port,
    tlsSan,
    disableAdmissionPlugins: disabledAdmission,
    serviceAccountIssuer,
    nodeMonitorGracePeriod: nodeGraceMs,
    nodeLeaseDuration: leaseMs,
    controllers,
    store,
    storeCa,
    storeCert,
    storeKey,
    nodeName,
    disk: disks,
    agent,
  } = options;
  if ((storeCert === undefined) !== (storeKey === undefined)) {
    throw usage('--store-cert and --store-key go together');
  }
  if (storeCert !== undefined && storeCa === undefined) {
    throw usage('--store-cert needs --store-ca');
  }
  if (options.auditPolicyFile !== undefined && options.auditLogPath === undefined) {
    throw usage('--audit-policy-file needs --audit-log-path');
  }
  return {
    ...auditFlags(options),
    ...oidcFlags(options),
    ...limitFlags(options),
    ...encryptionFlags(options),
    ...nodeFlags(options),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(tlsSan === undefined ? {} : { tlsSans: tlsSan }),
    ...(disabledAdmission === undefined ? {} : { disabledAdmission }),
    ...(serviceAccountIssuer === undefined ? {} : { serviceAccountIssuer }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(nodeGraceMs === undefined ? {} : { nodeGraceMs }),
    ...(controllers === undefined ? {} : { controllers }),
    ...(store === undefined ? {} : { store: absoluteStore(store) }),
    ...(storeCa === undefined ? {} : { storeCa: resolve(storeCa) }),
    ...(storeCert === undefined ? {} : { storeCert: resolve(storeCert) }),
    ...(storeKey === undefined ? {} : { storeKey: resolve(storeKey) }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(disks === undefined ? {} : { disks }),
    ...(agent === undefined ? {} : { agent }),
  };
}

function limitFlags(options: PlaneCommandOptions): PlaneFlags {
  const { maxRequestsInflight, maxMutatingRequestsInflight, requestTimeout } = options;
  return {
    ...(maxRequestsInflight === undefined ? {} : { maxRequestsInflight }),
    ...(maxMutatingRequestsInflight === undefined ? {} : { maxMutatingRequestsInflight }),
    ...(requestTimeout === undefined ? {} : { requestTimeoutMs: requestTimeout }),
  };
}

function encryptionFlags({ encryptionProviderConfig: file }: PlaneCommandOptions): PlaneFlags {
  return file === undefined ? {} : { encryptionProviderConfig: resolve(file) };
}

function auditFlags(options: PlaneCommandOptions): PlaneFlags {
  const { auditLogPath, auditPolicyFile, auditLogMaxsize, auditLogMaxbackup } = options;
  return {
    ...(auditLogPath === undefined ? {} : { auditLogPath: resolve(auditLogPath) }),
    ...(auditPolicyFile === undefined ? {} : { auditPolicyFile: resolve(auditPolicyFile) }),
    ...(auditLogMaxsize === undefined ? {} : { auditLogMaxsize }),
    ...(auditLogMaxbackup === undefined ? {} : { auditLogMaxbackup }),
  };
}
