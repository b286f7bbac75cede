import type { InstanceSpec, PortSpec } from './runtime.ts';

/** What the network of the whole instance publishes. */
export function portsOf({ sharedPorts, containers }: InstanceSpec): readonly PortSpec[] {
  return sharedPorts ?? containers.flatMap((container) => container.ports);
}
