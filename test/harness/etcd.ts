import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private etcd of one member on free ports of this machine, with its data in a temporary folder. */
export interface TestEtcd {
  /** `127.0.0.1:port` for clients. */
  readonly endpoint: string;
  /** Of the process that runs; undefined while none does. */
  readonly pid: number | undefined;
  /** As a power failure would: no chance to write anything more. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data. */
  start(): Promise<void>;
  /** Runs etcdctl against it and returns what it printed. */
  ctl(...args: string[]): string;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

export interface TestEtcdOptions {
  /** Files of a server certificate and the authority of the clients it accepts. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly flags?: readonly string[];
}

const binary = '/usr/bin/etcd';
const ctlBinary = '/usr/bin/etcdctl';
const startTimeoutMs = 60_000;

/** Starts an etcd, installing Debian's if this machine has none; ready when this resolves. */
export async function startEtcd(options: TestEtcdOptions = {}): Promise<TestEtcd> {
  install();
  return startMember(await newMember('test'), [], options);
}

/** Several members of one etcd; all of them serve when this resolves. */
export async function startEtcdCluster(size: number): Promise<readonly TestEtcd[]> {
  install();
  const names = Array.from({ length: size }, (_, i) => `test${i}`);
  const members = await Promise.all(names.map(newMember));
  // No member serves before most are there.
  return Promise.all(members.map((member) => startMember(member, members, {})));
}

interface Member {
  readonly name: string;
  readonly endpoint: string;
  readonly peerUrl: string;
}

async function newMember(name: string): Promise<Member> {
  const [clientPort, peerPort] = await Promise.all([freePort(), freePort()]);
  return {
    name,
    endpoint: `127.0.0.1:${clientPort}`,
    peerUrl: `http://127.0.0.1:${peerPort}`,
  };
}

function install(): void {
  if (existsSync(binary) && existsSync(ctlBinary)) return;
  execFileSync('apt-get', ['install', '-y', 'etcd-server', 'etcd-client'], { stdio: 'ignore' });
}

async function startMember(
  member: Member,
  others: readonly Member[],
  options: TestEtcdOptions,
): Promise<TestEtcd> {
  const { endpoint } = member;
  const directory = mkdtempSync(join(tmpdir(), 'berth-etcd-'));
  const args = etcdArguments(directory, member, others.length === 0 ? [member] : others, options);
  let child: ChildProcess | undefined;
  const killOnExit = () => {
    child?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', killOnExit);
  const kill = async () => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    await new Promise((resolve) => {
      dying.once('exit', resolve);
      dying.kill('SIGKILL');
    });
  };
  const start = async () => {
    child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await untilServing(child);
  };
  const ctl = (...words: string[]) => runCtl(endpoint, options, words);
  await start();
  return {
    endpoint,
    get pid() {
      return child?.pid;
    },
    kill,
    start,
    ctl,
    async stop() {
      process.off('exit', killOnExit);
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A TCP port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      // A TCP server's address is always of this shape.
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function etcdArguments(
  directory: string,
  { name, endpoint, peerUrl }: Member,
  cluster: readonly Member[],
  { tls, flags = [] }: TestEtcdOptions,
): string[] {
  const clientUrl = `${tls === undefined ? 'http' : 'https'}://${endpoint}`;
  const initial = cluster.map((each) => `${each.name}=${each.peerUrl}`).join(',');
  return [
    `--name=${name}`,
    `--data-dir=${join(directory, 'data')}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${initial}`,
    '--logger=zap',
    ...(tls === undefined
      ? []
      : [
          `--trusted-ca-file=${tls.ca}`,
          `--cert-file=${tls.cert}`,
          `--key-file=${tls.key}`,
          '--client-cert-auth',
        ]),
    ...flags,
  ];
}

function runCtl(endpoint: string, { tls }: TestEtcdOptions, words: readonly string[]): string {
  const files =
    tls === undefined ? [] : [`--cacert=${tls.ca}`, `--cert=${tls.cert}`, `--key=${tls.key}`];
  const url = `${tls === undefined ? 'http' : 'https'}://${endpoint}`;
  return execFileSync(ctlBinary, [`--endpoints=${url}`, ...files, ...words], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ETCDCTL_API: '3' },
  });
}

const serving =
  /serving (client traffic insecurely|insecure client requests|client traffic securely)/;

/** etcd says in its log when it begins to serve clients. */
function untilServing(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => fail('etcd did not start in time'), startTimeoutMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${why}: ${said.slice(-2000)}`));
    };
    child.once('error', (error) => fail(String(error)));
    const onExit = (code: number | null) => fail(`etcd ended with ${code}`);
    child.once('exit', onExit);
    child.stderr?.setEncoding('utf8');
    const onData = (text: string) => {
      if (said.length < 100_000) said += text;
      if (!serving.test(said)) return;
      clearTimeout(timer);
      child.off('exit', onExit);
      // Whoever stops it waits for its end: what it says until then must not come back here.
      child.stderr?.off('data', onData);
      child.stderr?.resume();
      resolve();
    };
    child.stderr?.on('data', onData);
  });
}
