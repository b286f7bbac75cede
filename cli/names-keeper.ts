/**
 * The process that answers names on a node. The agent starts it, and it goes on without. Arguments: its socket, its table, its
 * log, what it is built from, and `takes-over` when another one is about to end.
 */
import { runNameKeeper } from '../agent/dns/keeper/name-keeper.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { openLogFile } from './log-file.ts';

const [socketPath = '', tablePath = '', logPath = '', build = '', how = ''] = process.argv.slice(2);
const logBytesMax = 1 << 20;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
process.on('SIGHUP', () => undefined);
const log = createLog('info', openLogFile(logPath, logBytesMax)).child({ pid: process.pid });
try {
  const { signal } = stop;
  const takesOver = how === 'takes-over';
  const what = { socketPath, tablePath, build, takesOver };
  await runNameKeeper({ ...what, clock: systemClock, log, signal });
} catch (error) {
  log.error({ err: error }, 'the keeper of names failed');
  process.exitCode = 1;
}
// A question that is still under way has nobody left to answer.
process.exit();
