/** The runtimes that this machine has. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Adoptions } from '../../runtime/adoptions.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';
import type { LogLimits } from '../../runtime/docker/container-options.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { Failure } from '../failure.ts';
import { dockerSocket, engineRemedy, probeEngine } from './docker-engine.ts';
import { findProgram } from './look.ts';

interface RuntimesOptions {
  readonly nodeId: string;
  /** Of the agent. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly logs: LogLimits | undefined;
  readonly cni: CniNetworks;
}

/** Docker first where it is: it runs what names no runtime, and the node is ready when it answers. */
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
  const runtimes: Runtime[] = [];
  // Loaded only where they are of use: that costs memory and time.
  if (hasDocker()) {
    const { createDockerRuntime } = await import('../../runtime/docker/docker.ts');
    runtimes.push(createDockerRuntime({ ...shared, ...limits, socketPath: dockerSocket() }));
  }
  if (hasSystemd()) {
    const { createSystemdRuntime } = await import('../../runtime/systemd/systemd.ts');
    runtimes.push(createSystemdRuntime(shared));
  }
  if (hasLibvirt()) {
    const { createLibvirtRuntime } = await import('../../runtime/libvirt/driver.ts');
    const stateDir = machinesDir(nodeId);
    runtimes.push(createLibvirtRuntime({ ...shared, stateDir, socketPath: libvirtSocket }));
  }
  return runtimes;
}

/**
 * Throws a `Failure` with the remedy where nothing can run. Without an engine a node runs processes and machines; one that
 * is there and does not answer is not passed over. Resolves with what has to be said about it.
 */
export async function checkRuntimes(): Promise<string | undefined> {
  const remedy = engineRemedy(await probeEngine());
  if (remedy === undefined) return undefined;
  const others = [
    ...(hasSystemd() ? ['processes (runtime: systemd)'] : []),
    ...(hasLibvirt() ? ['virtual machines'] : []),
  ];
  if (hasDocker() || others.length === 0) throw new Failure(remedy);
  return `there is no Docker on this machine: it runs ${others.join(' and ')} only`;
}

const libvirtSocket = '/var/run/libvirt/libvirt-sock';

/** Below libvirt's own directory for disks, which its hypervisor may enter on every system. */
export function machinesDir(nodeId: string): string {
  return `/var/lib/libvirt/images/berth/${nodeId}`;
}

/** Also where it is installed and has not come up yet, as when the machine boots. */
function hasDocker(): boolean {
  if ((process.env['DOCKER_HOST'] ?? '') !== '') return true;
  return existsSync(dockerSocket()) || findProgram('dockerd') !== undefined;
}

export function hasLibvirt(): boolean {
  return existsSync(libvirtSocket);
}

/** As sd_booted(3), and only root may start units for the whole machine. */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system') && process.getuid?.() === 0;
}
