/** What is changed about an adopted unit: a few lines beside its own, gone with the next boot. */
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import type { SystemdBus } from './bus.ts';

const runtimeUnits = '/run/systemd/system';
const fileName = '50-berth.conf';
/** systemd would restart it beside us, and forget how it ended. */
const content = '[Service]\nRestart=no\nRemainAfterExit=yes\n';

export async function withDropIn(bus: SystemdBus, unit: string, options: CallOptions) {
  const dir = `${runtimeUnits}/${unit}.d`;
  await mkdir(dir, { recursive: true });
  await writeFile(`${dir}/${fileName}`, content);
  await bus.call('Reload', '', [], options);
}

export async function withoutDropIn(bus: SystemdBus, unit: string, options: CallOptions) {
  const dir = `${runtimeUnits}/${unit}.d`;
  await rm(`${dir}/${fileName}`, { force: true });
  // Others may have put theirs beside it.
  await rmdir(dir).catch(() => undefined);
  await bus.call('Reload', '', [], options);
}
