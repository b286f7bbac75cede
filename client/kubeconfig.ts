/** Reads and writes kubeconfig files: the part of them that says where a server is and who we are. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, stringify } from 'yaml';

/** One context, resolved: certificates and keys are PEM text. */
export interface Kubeconfig {
  readonly server: string;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly token: string | undefined;
  /** `default` when the context names none. */
  readonly namespace: string;
  /** The name of the user entry. */
  readonly user: string;
  readonly insecure: boolean;
}

/** Thrown when a kubeconfig cannot be used; `path` is the file. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
  readonly reason: 'Unreadable' | 'Malformed' | 'Incomplete' | 'Unsupported';
  readonly path: string;

  constructor(
    reason: KubeconfigError['reason'],
    path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`kubeconfig ${path}: ${message}`, options);
    this.reason = reason;
    this.path = path;
  }
}

/** Reads the named context, or the current one. Throws `KubeconfigError`. */
export function loadKubeconfig(path: string, options: { context?: string } = {}): Kubeconfig {
  const config = readConfig(path);
  const contextName = options.context ?? config['current-context'];
  if (contextName === undefined || contextName === '') {
    throw new KubeconfigError('Incomplete', path, 'no current-context, and no context was named');
  }
  const context = entry(config.contexts, 'context', contextName, path).context ?? {};
  if (!context.cluster) {
    throw new KubeconfigError('Incomplete', path, `context "${contextName}" names no cluster`);
  }
  const cluster = entry(config.clusters, 'cluster', context.cluster, path).cluster ?? {};
  const user = context.user ? (entry(config.users, 'user', context.user, path).user ?? {}) : {};
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    const message = `user "${context.user}" gets its credentials from a plugin, which is not supported`;
    throw new KubeconfigError('Unsupported', path, message);
  }
  if (!cluster.server) {
    throw new KubeconfigError('Incomplete', path, `cluster "${context.cluster}" has no server`);
  }
  const pem = (field: string, from: Readonly<Record<string, unknown>>) =>
    dataOrFile(field, from, path);
  return {
    server: cluster.server,
    ca: pem('certificate-authority', cluster),
    cert: pem('client-certificate', user),
    key: pem('client-key', user),
    token: user.token || (user.tokenFile && readRelative(user.tokenFile, path).trim()) || undefined,
    namespace: context.namespace || 'default',
    user: context.user ?? '',
    insecure: cluster['insecure-skip-tls-verify'] === true,
  };
}

export interface KubeconfigFields {
  readonly server: string;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  readonly namespace?: string | undefined;
  readonly user: string;
  /** Name of the cluster and of the context; default `berth`. */
  readonly name?: string | undefined;
}

/** A kubeconfig file with one context, which is the current one; certificates are inside it. */
export function formatKubeconfig(fields: KubeconfigFields): string {
  const { server, ca, cert, key, token, namespace, user, name = 'berth' } = fields;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key), token },
      },
    ],
    contexts: [{ name, context: { cluster: name, user, namespace } }],
    'current-context': name,
  });
}

interface ConfigFile {
  readonly 'current-context'?: string;
  readonly clusters?: readonly { readonly name: string; readonly cluster?: ClusterFields }[];
  readonly users?: readonly { readonly name: string; readonly user?: UserFields }[];
  readonly contexts?: readonly { readonly name: string; readonly context?: ContextFields }[];
}

interface ClusterFields extends Readonly<Record<string, unknown>> {
  readonly server?: string;
}

interface UserFields extends Readonly<Record<string, unknown>> {
  readonly token?: string;
  readonly tokenFile?: string;
}

interface ContextFields {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

function readConfig(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KubeconfigError('Unreadable', path, `cannot be read: ${messageOf(cause)}`, { cause });
  }
  try {
    // Every field is optional in the type and checked where it is used.
    const value = parse(text) as ConfigFile | null;
    if (value !== null && typeof value === 'object') return value;
  } catch (cause) {
    throw new KubeconfigError('Malformed', path, `is not YAML: ${messageOf(cause)}`, { cause });
  }
  throw new KubeconfigError('Malformed', path, 'is empty');
}

function entry<E extends { readonly name: string }>(
  entries: readonly E[] | undefined,
  what: string,
  name: string,
  path: string,
): E {
  const list = Array.isArray(entries) ? (entries as readonly E[]) : []; // isArray widens to any[].
  const found = list.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const known = list.map((candidate) => `"${candidate.name}"`).join(', ') || 'none';
  throw new KubeconfigError('Incomplete', path, `no ${what} "${name}" (there are: ${known})`);
}

function dataOrFile(
  field: string,
  from: Readonly<Record<string, unknown>>,
  path: string,
): string | undefined {
  const data = from[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const file = from[field];
  return typeof file === 'string' && file !== '' ? readRelative(file, path) : undefined;
}

/** Files are named relative to the kubeconfig that names them. */
function readRelative(file: string, path: string): string {
  const absolute = resolve(dirname(path), file);
  try {
    return readFileSync(absolute, 'utf8');
  } catch (cause) {
    const message = `${absolute} cannot be read: ${messageOf(cause)}`;
    throw new KubeconfigError('Unreadable', path, message, { cause });
  }
}

function base64(pem: string | undefined): string | undefined {
  return pem === undefined ? undefined : Buffer.from(pem).toString('base64');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
