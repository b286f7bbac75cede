// An etcd of one member for the demo: installed if need be, on free ports of the loopback.
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { installPackages } from './debian.mjs';
import {
  findProgram,
  freePort,
  isAlive,
  isFree,
  lastLines,
  startDetached,
  until,
} from './processes.mjs';
import { Failure } from './steps.mjs';

const startTimeoutMs = 20_000;
const firstPort = 23_790;

async function ensureEtcdInstalled(note = () => undefined) {
  if (findProgram('etcd') !== undefined) return;
  note("installing Debian's etcd-server");
  await installPackages(['etcd-server'], 'no etcd is installed');
}

/** Starts it in `dir`, or finds `known` still running; resolves with `{ pid, started, port }`. */
export async function ensureEtcd(dir, known, note = () => undefined) {
  if (isAlive(known)) return known;
  await ensureEtcdInstalled(note);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const before = known?.port;
  const port = before !== undefined && (await isFree(before)) ? before : await freePort(firstPort);
  const peerPort = await freePort(port + 1);
  const log = join(dir, 'etcd.log');
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const etcd = startDetached(
    findProgram('etcd'),
    [
      '--name=demo',
      `--data-dir=${join(dir, 'data')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=demo=${peer}`,
    ],
    log,
  );
  await until(async () => (await isHealthy(port)) || !isAlive(etcd), startTimeoutMs);
  if (!(await isHealthy(port))) {
    throw new Failure(
      `etcd does not start: ${lastLines(readFileSync(log, 'utf8'), 1)} (its log: ${log})`,
    );
  }
  return { ...etcd, port };
}

function isHealthy(port) {
  return new Promise((resolve) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path: '/health', timeout: 1_000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(false));
    outgoing.end();
  });
}
