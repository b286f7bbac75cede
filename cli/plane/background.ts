/** Starts the background process of `berth up` and waits until it is ready. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.ts';
import type { PlaneConfig } from './config.ts';
import type { StartReport } from './foreground.ts';
import type { PlanePaths } from './paths.ts';

/** How the child knows what it is. */
export const backgroundEnv = 'BERTH_BACKGROUND';

const startTimeoutMs = 60_000;

/** Keeps the heap of an idle plane small, whose young generation grows first; with less, a busy one collects garbage all the time. */
export const nodeFlags = ['--max-semi-space-size=16'];

export type Started = Omit<Extract<StartReport, { type: 'ready' }>, 'type'>;

/** Throws a `Failure` with the child's own sentence. */
export async function startInBackground(
  paths: PlanePaths,
  config: PlaneConfig,
  logLevel: string,
  command: 'up' | 'agent' = 'up',
): Promise<Started> {
  mkdirSync(paths.logDir, { recursive: true, mode: 0o700 });
  const output = openSync(paths.log, 'a', 0o600);
  const main = fileURLToPath(import.meta.resolve('../main.js'));
  const child = spawn(
    process.execPath,
    [...nodeFlags, main, command, '--data-dir', paths.dataDir, '--log-level', logLevel],
    {
      detached: true,
      cwd: '/',
      stdio: ['ignore', output, output, 'ipc'],
      env: { ...process.env, [backgroundEnv]: JSON.stringify(config) },
    },
  );
  closeSync(output);
  const interrupt = () => {
    child.kill('SIGTERM');
    process.exit(130);
  };
  process.on('SIGINT', interrupt);
  try {
    return await new Promise<Started>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGTERM');
        reject(new Failure(`Berth was not ready within 60 s: see ${paths.log}`));
      }, startTimeoutMs);
      timer.unref();
      child.once('error', (cause) => reject(new Failure(cause.message, { cause })));
      // Only our own child speaks here.
      child.once('message', (message) => settle(message as StartReport, resolve, reject));
      child.once('exit', (code, signal) => {
        reject(new Failure(`Berth ended at its start (${signal ?? code}): see ${paths.log}`));
      });
    });
  } finally {
    process.off('SIGINT', interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function settle(
  report: StartReport,
  resolve: (started: Started) => void,
  reject: (error: Failure) => void,
): void {
  if (report.type === 'ready') resolve(report);
  else reject(new Failure(report.message, { exitCode: report.exitCode }));
}
