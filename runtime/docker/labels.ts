import { createHash } from 'node:crypto';
import type { Adopter } from '../adoptions.ts';
import type { InstanceSpec } from '../runtime.ts';

/** How containers are recognised: by labels only; names are for people. */
export const label = {
  instance: 'berth.dev/instance',
  namespace: 'berth.dev/namespace',
  name: 'berth.dev/name',
  container: 'berth.dev/container',
  attempt: 'berth.dev/attempt',
  /** Agents that share an engine never touch each other's containers. */
  node: 'berth.dev/node',
  /** `true` on the container that only holds the network namespace. */
  sandbox: 'berth.dev/sandbox',
  /** On a sandbox whose address the engine knows nothing of. */
  address: 'berth.dev/address',
} as const;

/** Labels of everything that belongs to an instance. */
export function instanceLabels(nodeId: string, spec: InstanceSpec): Record<string, string> {
  return {
    [label.node]: nodeId,
    [label.instance]: spec.id,
    [label.namespace]: spec.namespace,
    [label.name]: spec.name,
  };
}

/** Those of what somebody else started, as if it had been made for its pod. */
export function adoptedLabels(
  { Labels }: { readonly Labels: Readonly<Record<string, string>> },
  { instance, namespace, name, container }: Adopter,
): Record<string, string> {
  return {
    ...Labels,
    [label.instance]: instance,
    [label.namespace]: namespace,
    [label.name]: name,
    [label.container]: container,
    [label.attempt]: '0',
  };
}

/** Docker shows names cut at no length, but 200 characters keep `docker ps` readable. */
const nameMaxLength = 200;

/**
 * `berth_<namespace>_<pod>_<container>_<short id>_<attempt>`, cut in the middle parts when too long.
 * Without a `container` it is the name of the sandbox.
 */
export function containerName(
  nodeId: string,
  spec: Pick<InstanceSpec, 'id' | 'namespace' | 'name'>,
  container: string | undefined,
  attempt: number,
): string {
  // The short id covers the node too: two nodes may share an engine and, in tests, an instance id.
  // And the container: its name may have been cut off, or be the same word as the sandbox's.
  const identity = [nodeId, spec.id, ...(container === undefined ? [] : [container])].join('\0');
  const short = createHash('sha256').update(identity).digest('hex').slice(0, 10);
  const tail = `_${short}_${attempt}`;
  const words = `berth_${spec.namespace}_${spec.name}_${container ?? 'sandbox'}`;
  const head = words.replace(/[^a-zA-Z0-9_.-]/g, '-');
  return head.slice(0, nameMaxLength - tail.length) + tail;
}
