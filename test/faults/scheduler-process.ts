/** A scheduler in a process of its own, which can be killed: over HTTPS, and with a lease that is soon lost. Run by `two-schedulers.test.ts`. */
import { readFileSync } from 'node:fs';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import type { Transport } from '../../client/transport.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';

const [server = '', caFile = '', token = '', identity = '', leaseMs = ''] = process.argv.slice(2);
const transport = createHttpsTransport({ server, ca: readFileSync(caFile, 'utf8'), token });
const slowestMs = 400;

/** Bindings are on their way for a while, and cannot be called back: so that who is overtaken has some under way. */
const slow: Transport = async (request) => {
  if (!request.path.endsWith('/bindings')) return transport(request);
  const { signal } = new AbortController();
  await systemClock.sleep(slowestMs * systemRandom.fraction(), signal);
  return transport({ ...request, signal });
};
await runScheduler({
  client: createClient(slow, { userAgent: identity, clock: systemClock }),
  clock: systemClock,
  random: systemRandom,
  log: createLog('warn'),
  signal: new AbortController().signal,
  identity,
  leaseDurations: {
    leaseMs: Number(leaseMs),
    renewDeadlineMs: 0.75 * Number(leaseMs),
    retryMs: 200,
  },
});
