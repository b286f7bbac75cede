/** Two real servers over one etcd of three members, which share their authority as the documentation says. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../client/client.ts';
import { createFailoverTransport } from '../../client/failover-transport.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createClient } from '../../client/rest-client.ts';
import type { Transport } from '../../client/transport.ts';
import { systemClock } from '../../lib/clock.ts';
import { until } from '../e2e/until.ts';
import { berthMain, buildBerth } from '../harness/build.ts';
import { freePort, startEtcdCluster, type TestEtcd } from '../harness/etcd.ts';
import { type Running, startCommand } from '../harness/run-command.ts';

/** What an audit log tells of one request that was carried out. */
export interface AuditedWrite {
  readonly server: number;
  readonly username: string;
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  /** Of the answer; absent where it is no object. */
  readonly revision: bigint | undefined;
  readonly receivedAt: string;
  readonly holder: string | undefined;
}

/** Whole answers of writes, and nothing of reads. */
const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - {level: RequestResponse, verbs: [create, update, patch, delete], omitManagedFields: true}
  - {level: None}
`;

export class TwoServers {
  readonly members: readonly TestEtcd[];
  /** Asks whichever server answers. */
  readonly client: Client;
  /** Each asks its own server, and no other. */
  readonly clients: readonly Client[];
  readonly #servers: readonly Server[];
  readonly #close: () => void;

  private constructor(members: readonly TestEtcd[], servers: readonly Server[]) {
    this.members = members;
    this.#servers = servers;
    const [first] = servers;
    if (first === undefined) throw new Error('no server');
    const { ca, cert, key, token } = loadKubeconfig(join(first.dataDir, 'kubeconfig'));
    const urls = servers.map(({ port }) => `https://127.0.0.1:${port}`);
    const transport = createFailoverTransport({ servers: urls, ca, cert, key, token });
    const pinned = urls.map((server) => createHttpsTransport({ server, ca, cert, key, token }));
    const clientOf = (by: Transport) =>
      createClient(by, { userAgent: 'faults', clock: systemClock });
    this.client = clientOf(transport);
    this.clients = pinned.map(clientOf);
    this.#close = () => {
      for (const each of [transport, ...pinned]) each.close();
    };
  }

  static async start(): Promise<TwoServers> {
    await buildBerth();
    const members = await startEtcdCluster(3);
    const first = await createServer(members);
    const second = await createServer(members, first.dataDir);
    return new TwoServers(members, [first, second]);
  }

  async kill(server: number): Promise<void> {
    await this.#servers[server]?.process.stop('SIGKILL');
  }

  /** Once more, at the same address; after a `kill`. */
  async restart(server: number): Promise<void> {
    const dead = this.#servers[server];
    if (dead !== undefined) dead.process = await startServer(this.members, dead);
  }

  /** Every successful write that either server recorded. */
  writes(): readonly AuditedWrite[] {
    return this.#servers.flatMap(({ dataDir }, server) =>
      readFileSync(join(dataDir, 'audit.log'), 'utf8')
        .split('\n')
        .flatMap((line) => writesOf(line, server)),
    );
  }

  async remove(): Promise<void> {
    this.#close();
    await Promise.all(this.#servers.map(({ process }) => process.stop('SIGKILL')));
    await Promise.all(this.members.map((member) => member.stop()));
    for (const { dataDir } of this.#servers) {
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

interface Server {
  readonly dataDir: string;
  readonly port: number;
  process: Running;
}

async function createServer(members: readonly TestEtcd[], authority?: string): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), 'berth-two-'));
  if (authority !== undefined) {
    mkdirSync(join(dataDir, 'pki'), { mode: 0o700 });
    for (const file of ['pki/ca.crt', 'pki/ca.key', 'pki/sa.key', 'pki/sa.pub', 'tokens.csv']) {
      copyFileSync(join(authority, file), join(dataDir, file));
    }
  }
  writeFileSync(join(dataDir, 'policy.yaml'), policy);
  const place = { dataDir, port: await freePort() };
  return { ...place, process: await startServer(members, place) };
}

async function startServer(
  members: readonly TestEtcd[],
  { dataDir, port }: { readonly dataDir: string; readonly port: number },
): Promise<Running> {
  const store = `etcd://${members.map(({ endpoint }) => endpoint).join(',')}`;
  const words = ['server', '--data-dir', dataDir, '--port', String(port), '--store', store];
  const audit = ['--audit-log-path', join(dataDir, 'audit.log')];
  const rules = ['--audit-policy-file', join(dataDir, 'policy.yaml')];
  const process = startCommand(globalThis.process.execPath, [
    berthMain,
    ...words,
    ...audit,
    ...rules,
  ]);
  await until('the server serves', () => {
    if (process.child.exitCode !== null) throw new Error(process.stderr().slice(-2_000));
    return process.stderr().includes('kubeconfig: ');
  });
  return process;
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly name?: string };
  readonly responseStatus: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly responseObject?: {
    readonly metadata?: { readonly resourceVersion?: string; readonly name?: string };
    readonly spec?: { readonly holderIdentity?: string };
  };
}

function writesOf(line: string, server: number): AuditedWrite[] {
  let event: AuditEvent;
  try {
    event = JSON.parse(line) as AuditEvent; // Our own servers' log.
  } catch {
    // The last line of a server that was killed may be cut off.
    return [];
  }
  if (event.responseStatus.code >= 300) return [];
  const revision = event.responseObject?.metadata?.resourceVersion;
  return [
    {
      server,
      username: event.user.username,
      verb: event.verb,
      resource: event.objectRef?.resource ?? '',
      name: event.objectRef?.name ?? event.responseObject?.metadata?.name ?? '',
      revision: revision === undefined ? undefined : BigInt(revision),
      receivedAt: event.requestReceivedTimestamp,
      holder: event.responseObject?.spec?.holderIdentity,
    },
  ];
}
