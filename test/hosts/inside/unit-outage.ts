/** A daemon of this host is killed and kept away, then started again. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { InstanceHarness } from '../../contract/instance.ts';

const run = promisify(execFile);

/** `more` is done while it is away. */
export function unitOutage(
  name: string,
  sockets: readonly string[],
  { inStarts = false, more = [] as readonly (readonly string[])[] },
): Required<InstanceHarness>['outage'] {
  const systemctl = (...args: readonly string[]) => run('systemctl', args);
  return {
    inStarts,
    async begin() {
      await systemctl('mask', '-q', '--runtime', name, ...sockets);
      await systemctl('kill', '-s', 'KILL', name);
      await systemctl('stop', ...sockets);
      for (const command of more) await systemctl(...command);
    },
    async end() {
      await systemctl('unmask', '-q', '--runtime', name, ...sockets);
      await systemctl('start', ...sockets);
      // It was killed, which systemd counts as a failure.
      await systemctl('reset-failed', name).catch(() => undefined);
      await systemctl('start', name);
    },
  };
}
