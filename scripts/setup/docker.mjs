// A Docker engine on this machine: found, or installed and started.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { installPackages } from './debian.mjs';
import {
  findProgram,
  isAlive,
  lastLines,
  run,
  startDetached,
  stopProcess,
  until,
} from './processes.mjs';
import { Failure } from './steps.mjs';

const socketPath = '/var/run/docker.sock';
const startTimeoutMs = 45_000;

/**
 * Resolves with `{ version, startedByUs }`. What this starts is noted in `<stateDir>/dockerd.json`,
 * so that `stopOwnDocker` can end it later, also in another process.
 */
export async function ensureDocker(stateDir, note = () => undefined) {
  const before = await engineVersion();
  if (before.version !== undefined) {
    return { version: before.version, startedByUs: ownDaemon(stateDir) !== undefined };
  }
  if (before.code === 'EACCES') {
    throw new Failure(
      `no access to Docker (${socketPath}): run as root, or join the group "docker"`,
    );
  }
  if (findProgram('dockerd') === undefined) {
    note("installing Debian's docker.io");
    await installPackages(['docker.io', 'iptables'], 'no Docker engine is installed');
  }
  if (process.getuid?.() !== 0) {
    throw new Failure('the Docker engine does not run: start it, or run this script as root');
  }
  const systemd = existsSync('/run/systemd/system');
  note(systemd ? 'systemctl start docker' : 'starting dockerd');
  const version = systemd ? await startUnit() : await startDaemon(stateDir);
  return { version, startedByUs: !systemd };
}

/** Stops the engine if it is one that we started and nothing runs in it; says what became of it. */
export async function stopOwnDocker(stateDir) {
  const daemon = ownDaemon(stateDir);
  if (daemon === undefined) return 'not ours: left as it is';
  const { body } = await engine('GET', '/containers/json');
  if (body.length > 0) return `left running: ${body.length} other containers are in it`;
  await stopProcess(daemon, 20_000);
  rmSync(stateFile(stateDir), { force: true });
  return 'stopped';
}

/** Removes every container with this label, running or not; resolves with their number. */
export async function removeContainers(label) {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const { body } = await engine('GET', `/containers/json?all=1&filters=${filters}`);
  for (const { Id } of body) await engine('DELETE', `/containers/${Id}?force=1&v=1`);
  return body.length;
}

async function startUnit() {
  await run('systemctl', ['start', 'docker']).catch((error) => {
    throw new Failure(`${error.message}: see "journalctl -u docker"`);
  });
  const answers = async () => (await engineVersion()).version !== undefined;
  if (!(await until(answers, startTimeoutMs))) {
    throw new Failure('the Docker engine does not answer: see "journalctl -u docker"');
  }
  return (await engineVersion()).version;
}

async function startDaemon(stateDir) {
  mkdirSync(stateDir, { recursive: true });
  const log = join(stateDir, 'dockerd.log');
  // A daemon that was killed leaves its pid behind, and the next one would not start.
  if (!isDockerd('/var/run/docker.pid')) rmSync('/var/run/docker.pid', { force: true });
  const daemon = startDetached(findProgram('dockerd'), [], log);
  const settled = async () => (await engineVersion()).version !== undefined || !isAlive(daemon);
  await until(settled, startTimeoutMs, 100);
  const { version } = await engineVersion();
  if (version === undefined) {
    const said = existsSync(log) ? lastLines(readFileSync(log, 'utf8'), 1) : '';
    await stopProcess(daemon);
    throw new Failure(`dockerd does not start here: ${said} (its log: ${log})`);
  }
  writeFileSync(stateFile(stateDir), JSON.stringify(daemon));
  return version;
}

function isDockerd(pidFile) {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'dockerd';
  } catch {
    return false;
  }
}

/** The daemon that we started, if it still runs. */
function ownDaemon(stateDir) {
  try {
    const daemon = JSON.parse(readFileSync(stateFile(stateDir), 'utf8'));
    return isAlive(daemon) ? daemon : undefined;
  } catch {
    return undefined;
  }
}

function stateFile(stateDir) {
  return join(stateDir, 'dockerd.json');
}

async function engineVersion() {
  try {
    const { body } = await engine('GET', '/version');
    return { version: body.Version };
  } catch (error) {
    return { code: error.code };
  }
}

function engine(method, path) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: 20_000 }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          resolve({ status: answer.statusCode, body: text === '' ? undefined : JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('the Docker engine does not answer')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
