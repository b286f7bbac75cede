/** How a pod's containers are, and who of them does nothing: serves nobody, answers no check and hears no hook. */
import type { InstanceStatus } from '../../runtime/runtime.ts';
import type { ContainerHealth } from '../probes/probe-state.ts';

/** By container name; whoever is missing runs and is well, if it runs. */
export type PodHealth = ReadonlyMap<string, ContainerHealth | 'starting'>;

/** By container name. */
export function idleContainers(status: InstanceStatus | undefined): ReadonlySet<string> {
  const { machine, containers = [] } = status ?? {};
  const isHalted = machine?.state === 'paused' || machine?.state === 'sleeping';
  const idle = containers.filter(
    ({ state }) => state.phase === 'running' && (isHalted || state.paused),
  );
  return new Set(idle.map(({ name }) => name));
}

/** Who does nothing serves nobody. */
export function withIdle(health: PodHealth, status: InstanceStatus | undefined): PodHealth {
  const all = new Map(health);
  for (const name of idleContainers(status)) all.set(name, { started: true, ready: false });
  return all;
}
