/** The runtimes that this machine has. */
import { existsSync } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { LogLimits } from '../../runtime/docker/container-options.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { dockerSocket } from './docker-engine.ts';

interface RuntimesOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly logs: LogLimits | undefined;
}

/** Docker first: it runs what names no runtime. */
export async function openRuntimes({
  nodeId,
  clock,
  log,
  logs,
}: RuntimesOptions): Promise<readonly Runtime[]> {
  const shared = { nodeId, clock, log };
  const limits = logs === undefined ? {} : { logs };
  const docker = createDockerRuntime({ ...shared, ...limits, socketPath: dockerSocket() });
  if (!hasSystemd()) return [docker];
  // Loaded only where it is of use: its D-Bus library costs memory and time.
  const { createSystemdRuntime } = await import('../../runtime/systemd/systemd.ts');
  return [docker, createSystemdRuntime(shared)];
}

/** As sd_booted(3), and only root may start units for the whole machine. */
function hasSystemd(): boolean {
  return existsSync('/run/systemd/system') && process.getuid?.() === 0;
}
