/** A scheduler in a process of its own, which can be killed: over HTTPS, and with a lease that is soon lost. Run by `two-schedulers.test.ts`. */
import { readFileSync } from 'node:fs';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';

const [server = '', caFile = '', token = '', identity = ''] = process.argv.slice(2);
const transport = createHttpsTransport({ server, ca: readFileSync(caFile, 'utf8'), token });
process.stdout.write('started\n');
await runScheduler({
  client: createClient(transport, { userAgent: identity, clock: systemClock }),
  clock: systemClock,
  random: systemRandom,
  log: createLog('warn'),
  signal: new AbortController().signal,
  identity,
  leaseDurations: { leaseMs: 1_000, renewDeadlineMs: 700, retryMs: 100 },
});
