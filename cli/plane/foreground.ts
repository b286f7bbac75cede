/** Runs a plane as this process: signals, log, and what becomes of errors. */
import { mkdirSync } from 'node:fs';
import { createLog, type Log, type LogLevel } from '../../lib/log.ts';
import { Failure, sentenceOf } from '../failure.ts';
import { openLogFile } from '../log-file.ts';
import type { PlaneConfig } from './config.ts';
import { notifyReady } from './notify.ts';
import type { PlanePaths } from './paths.ts';
import { type RunPlaneOptions, runPlane } from './run-plane.ts';

/** What the background process tells the one that started it. */
export type StartReport =
  | { readonly type: 'ready'; readonly pid: number; readonly lacking?: string }
  | { readonly type: 'failed'; readonly message: string; readonly exitCode: number };

/** Told once; `lacking` is a sentence about what it has to do without for now. */
export type OnReady = (lacking?: string) => void;

/** After a signal to stop the process ends in this time, whatever hangs. */
const stopTimeoutMs = 4_500;

export interface ForegroundOptions {
  readonly paths: PlanePaths;
  readonly config: PlaneConfig;
  readonly logLevel: LogLevel;
  readonly onReady: OnReady;
  /** What the process does; default a plane. */
  readonly run?: (options: RunPlaneOptions) => Promise<void>;
}

/** For a terminal or a service manager: the log goes to standard error. */
export async function runInForeground(options: ForegroundOptions): Promise<void> {
  const log = createLog(options.logLevel);
  const onReady: OnReady = (lacking) => {
    options.onReady(lacking);
    notifyReady(lacking ?? 'ready').catch((error) =>
      log.warn({ err: error }, 'the service manager was not told'),
    );
  };
  await run({ ...options, onReady }, log);
  process.exit(0);
}

/** For `berth up`: the log goes to a file, and the parent hears how the start went. */
export async function runInBackground(options: ForegroundOptions): Promise<void> {
  mkdirSync(options.paths.logDir, { recursive: true, mode: 0o700 });
  const log = createLog(options.logLevel, openLogFile(options.paths.log));
  try {
    const { pid } = process;
    const onReady: OnReady = (lacking) =>
      report({ type: 'ready', pid, ...(lacking === undefined ? {} : { lacking }) });
    await run({ ...options, onReady }, log);
  } catch (error) {
    log.error({ err: error }, 'ended by an error');
    const exitCode = error instanceof Failure ? error.exitCode : 1;
    await report({ type: 'failed', message: sentenceOf(error), exitCode });
    process.exit(exitCode);
  }
  process.exit(0);
}

async function run(options: ForegroundOptions, log: Log): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'stopping');
      stop.abort(new Error(`received ${signal}`));
      setTimeout(() => {
        log.warn({}, 'not stopped in time, exiting');
        process.exit(0);
      }, stopTimeoutMs).unref();
    });
  }
  // A terminal that closes must not take the plane with it; `berth down` is how it ends.
  process.on('SIGHUP', () => undefined);
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'programmer error');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    log.error({ err: error }, 'programmer error: promise rejected');
    process.exit(1);
  });
  await (options.run ?? runPlane)({ ...options, log, signal: stop.signal });
}

/** Resolves when the parent has it, or when there is none any more. */
function report(message: StartReport): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve();
      return;
    }
    process.send(message, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}
