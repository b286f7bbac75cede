import type { ContainerStatus, InstanceId, InstanceStatus } from '../runtime.ts';
import type { ContainerUsage, InstanceUsage } from '../usage.ts';
import type { FakeContainer } from './process.ts';

export interface FakeInstance {
  readonly nodeId: string;
  readonly id: InstanceId;
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  readonly localhost: Map<number, string>;
  /** Per container name in order of start: attempts, newest last, at most two. */
  readonly containers: Map<string, FakeContainer[]>;
}

export function statusOf(instance: FakeInstance): InstanceStatus {
  const containers = [...instance.containers].flatMap(([name, attempts]): ContainerStatus[] => {
    const newest = attempts.at(-1);
    if (newest === undefined) return [];
    const before = attempts.at(-2);
    return [
      {
        name,
        attempt: newest.spec.attempt,
        containerId: newest.containerId,
        image: newest.spec.image,
        imageId: `fake://sha256:${newest.spec.image}`,
        state: newest.state,
        ...(before?.state.phase === 'exited'
          ? { previous: { ...before.state, containerId: before.containerId } }
          : {}),
      },
    ];
  });
  const running = containers.some((one) => one.state.phase === 'running');
  return {
    id: instance.id,
    namespace: instance.namespace,
    name: instance.name,
    ips: running && instance.ip !== '' ? [instance.ip] : [],
    containers,
  };
}

const restingUsage = { cpuNanos: 0n, workingSetBytes: 1n << 20n };

export function usageOf(
  { id, namespace, name, containers }: FakeInstance,
  usage: ReadonlyMap<string, Pick<ContainerUsage, 'cpuNanos' | 'workingSetBytes'>>,
): InstanceUsage {
  const running = [...containers].flatMap(([container, attempts]): ContainerUsage[] => {
    const newest = attempts.at(-1);
    if (newest?.state.phase !== 'running') return [];
    const { containerId } = newest;
    return [{ name: container, containerId, ...(usage.get(container) ?? restingUsage) }];
  });
  return { id, namespace, name, containers: running };
}
