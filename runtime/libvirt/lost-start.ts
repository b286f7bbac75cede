/**
 * A start that libvirtd died in before it knew its QEMU. The next libvirtd (9.0) takes the domain for one that is
 * being started for ever, and lets nobody end or forget it, until it begins again without its note of that start.
 */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import { RuntimeError } from '../runtime.ts';

/**
 * Whether it was lost, and libvirtd is restarted for it: that touches no machine that runs. `stateDir` is libvirt's
 * own. Throws `Unavailable` with the remedy where libvirtd is no unit of this machine.
 */
export async function dropLostStart(
  stateDir: string,
  name: string,
  options: CallOptions,
): Promise<boolean> {
  const note = join(stateDir, `${name}.xml`);
  // Written by libvirtd when it begins.
  const daemon = join(stateDir, 'driver.pid');
  const [noted, begun] = await Promise.all(
    [note, daemon].map((path) => stat(path).catch(() => undefined)),
  );
  if (noted === undefined || begun === undefined || noted.mtimeMs >= begun.mtimeMs) return false;
  // QEMU waits for a libvirtd that has noted its process: there is none.
  if (!/<domstatus [^>]*pid='0'/.test(await readFile(note, 'utf8'))) return false;
  const unit = await unitOf((await readFile(daemon, 'utf8')).trim());
  if (unit === undefined) {
    const remedy = `stop libvirtd, remove ${note}, and start it again`;
    throw new RuntimeError('Unavailable', `libvirt has lost a start of the machine: ${remedy}`);
  }
  await rm(note, { force: true });
  await run('systemctl', ['restart', unit], options);
  return true;
}

async function unitOf(pid: string): Promise<string | undefined> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return /\/((?:libvirtd|virtqemud)\.service)$/m.exec(groups)?.[1];
}
