// Child processes: commands that end, and servers that go on after the script has ended.
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { Failure } from './steps.mjs';

/** Runs to the end; resolves with what it printed. Throws a `Failure` with its last lines. */
export function run(command, args, { cwd, env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', (error) => reject(new Failure(`${command} cannot be run: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) {
        resolve(stdout);
        return;
      }
      const failure = new Failure(
        `"${[command, ...args].join(' ')}" failed (${signal ?? code}): ${lastLines(stderr || stdout)}`,
      );
      failure.exitCode = code;
      failure.stdout = stdout;
      failure.stderr = stderr.trim();
      reject(failure);
    });
    child.stdin?.end(input);
  });
}

export function lastLines(text, count = 3) {
  return text.trim().split('\n').slice(-count).join(' | ').slice(-600);
}

/** A server that outlives us; its output goes to `logFile`. */
export function startDetached(command, args, logFile) {
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  // A command that is not there is noticed by whoever waits for the server.
  child.on('error', () => undefined);
  child.unref();
  return { pid: child.pid, started: startOf(child.pid) };
}

/** Whether that very process still runs: a pid that was given to another does not count. */
export function isAlive(server) {
  return server?.pid !== undefined && startOf(server.pid) === server.started;
}

/** SIGTERM, and after a while SIGKILL; resolves when it has ended. */
export async function stopProcess(server, graceMs = 10_000) {
  if (!isAlive(server)) return;
  process.kill(server.pid, 'SIGTERM');
  if (await until(() => !isAlive(server), graceMs)) return;
  process.kill(server.pid, 'SIGKILL');
  await until(() => !isAlive(server), graceMs);
}

/** Whether `check` came true in time. */
export async function until(check, timeoutMs, pauseMs = 50) {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return true;
}

export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(mayRun);
}

/** Whether a TCP port of the loopback is free. */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** `first`, or the next port above it that nobody has. */
export async function freePort(first) {
  for (let port = first; port < first + 100; port += 1) if (await isFree(port)) return port;
  throw new Failure(`no port from ${first} to ${first + 99} is free: name one with --port`);
}

function mayRun(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The start time of a living process, in the kernel's ticks. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
