/** The runtimes that this machine has. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Adoptions } from '../../runtime/adoptions.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';
import type { LogLimits } from '../../runtime/docker/container-options.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { dockerSocket } from './docker-engine.ts';

interface RuntimesOptions {
  readonly nodeId: string;
  /** Of the agent. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly logs: LogLimits | undefined;
  readonly cni: CniNetworks;
}

/** Docker first: it runs what names no runtime. */
export async function openRuntimes({
  nodeId,
  dataDir,
  clock,
  log,
  logs,
  cni,
}: RuntimesOptions): Promise<readonly Runtime[]> {
  const adoptions = Adoptions.load(join(dataDir, 'adoptions.json'));
  const shared = { nodeId, clock, log, adoptions, cni };
  const limits = logs === undefined ? {} : { logs };
  const docker = createDockerRuntime({ ...shared, ...limits, socketPath: dockerSocket() });
  const runtimes: Runtime[] = [docker];
  // Loaded only where they are of use: that costs memory and time.
  if (hasSystemd()) {
    const { createSystemdRuntime } = await import('../../runtime/systemd/systemd.ts');
    runtimes.push(createSystemdRuntime(shared));
  }
  if (existsSync(libvirtSocket)) {
    const { createLibvirtRuntime } = await import('../../runtime/libvirt/driver.ts');
    const stateDir = machinesDir(nodeId);
    runtimes.push(createLibvirtRuntime({ ...shared, stateDir, socketPath: libvirtSocket }));
  }
  return runtimes;
}

const libvirtSocket = '/var/run/libvirt/libvirt-sock';

/** Below libvirt's own directory for disks, which its hypervisor may enter on every system. */
export function machinesDir(nodeId: string): string {
  return `/var/lib/libvirt/images/berth/${nodeId}`;
}

/** As sd_booted(3), and only root may start units for the whole machine. */
function hasSystemd(): boolean {
  return existsSync('/run/systemd/system') && process.getuid?.() === 0;
}
