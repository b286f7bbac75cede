/** A running container, as probes and hooks reach it. */
import type { Container, Pod } from '../../api/kinds.gen.ts';
import type { InstanceStatus, Runtime } from '../../runtime/runtime.ts';
import type { NodeFacts } from '../pod/downward.ts';
import { containersOf } from '../pod/pod-view.ts';

export interface ContainerTarget {
  readonly pod: Pod;
  readonly uid: string;
  readonly container: Container;
  readonly containerId: string;
  readonly startedAtMs: number;
  /** The pod's address, the node's for pods in its network; empty while there is none. */
  readonly address: string;
  readonly runtime: Runtime;
}

/** A pod as it lies on this node. */
export interface LocalPod {
  readonly pod: Pod;
  readonly uid: string;
  readonly runtime: Runtime;
  readonly facts: Pick<NodeFacts, 'hostIp'>;
}

/** The running containers of a pod in the order of their start, init containers too. */
export function runningTargets(
  { pod, uid, runtime, facts }: LocalPod,
  status: InstanceStatus | undefined,
): readonly ContainerTarget[] {
  const address = (pod.spec.hostNetwork === true ? facts.hostIp : status?.ips[0]) ?? '';
  return containersOf(pod).flatMap((container) => {
    const seen = status?.containers.find((each) => each.name === container.name);
    if (seen?.state.phase !== 'running') return [];
    const { containerId } = seen;
    const { startedAtMs } = seen.state;
    return [{ pod, uid, container, containerId, startedAtMs, address, runtime }];
  });
}

/** The number of a port that may be a name of one of the container's; `undefined` if there is none. */
export function portOf(port: number | string, container: Container): number | undefined {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = named ?? (/^\d+$/.test(String(port)) ? Number(port) : Number.NaN);
  return number >= 1 && number <= 65535 ? number : undefined;
}

/** `host:port`, IPv6 in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
