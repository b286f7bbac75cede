import { type Logger, pino } from 'pino';

/** Structured JSON lines. The message is a constant; data are fields. @see docs/style in CONTRIBUTING. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & {
  child(fields: Record<string, unknown>): Log;
};

/** Level names from quiet to loud. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** Takes lines; returns when they are safe. */
export interface LineSink {
  write(line: string): void;
}

/** Writes JSON lines to standard error, synchronously, so that nothing is lost when the process dies. */
export function createLog(level: LogLevel, destination: string | 2 | LineSink = 2): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    typeof destination === 'object'
      ? destination
      : pino.destination({ dest: destination, sync: true }),
  );
}

/** Drops everything; for tests. */
export const silentLog: Log = pino({ level: 'silent' });
