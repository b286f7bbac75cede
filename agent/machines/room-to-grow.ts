/** Whether what a machine is to get more of is left on its node, while it runs and when it is started. Pure. */
import type { Node, Pod } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  capacityAnnotation,
  factorOf,
  oversellAnnotation,
  reservedAnnotation,
  salesOf,
} from '../../api/node-sales.ts';
import { podAmounts } from '../../api/pod-resources.ts';
import { formatQuantity, isQuantity, parseQuantity } from '../../api/quantity.ts';
import { cpusOf, type VmInstance } from '../../api/vm-instance.ts';
import type { MachineSpec } from '../../runtime/machine.ts';
import { allocationOf } from '../devices/allocation.ts';
import { oversellOf } from '../devices/check-allocation.ts';

/** What a machine has, or had when it last ran. */
export interface MachineSize {
  readonly cpus: number;
  readonly memoryBytes: bigint;
}

/** Balloons are never exact. */
const slackBytes = 1n << 20n;
const piecesPerCore = 100;

/** Why it stays as it is, and what to do; undefined when it may have what it asks for. `pods` are all of the node. */
export function growthObstacle(
  pod: VmInstance,
  have: MachineSize,
  pods: readonly Pod[],
  node: Node | undefined,
): string | undefined {
  const grows = {
    cpu: cpusOf(pod.vm) > have.cpus,
    memory: requested(pod, 'memory') > (have.memoryBytes + slackBytes) * nanoPerUnit,
  };
  const cores = grows.cpu ? coresObstacle(pod) : undefined;
  if (cores !== undefined) return cores;
  if (node === undefined) return undefined;
  const others = pods.filter((other) => other.metadata.uid !== pod.metadata.uid && holds(other));
  for (const resource of ['cpu', 'memory'] as const) {
    if (!grows[resource]) continue;
    const taken = others.reduce((sum, other) => sum + requested(other, resource), 0n);
    const left = soldOf(node, resource) - taken;
    const wanted = requested(pod, resource);
    if (left < 0n || wanted > left) return words(resource, wanted, left, node);
  }
  return undefined;
}

/** A machine as it is started that cannot have more than it had; what is made for more waits with it. */
export function heldBack(machine: MachineSpec, had: MachineSize): MachineSpec {
  const { cpusMax, topology, memoryMaxBytes, ...rest } = machine;
  const fewer = had.cpus < machine.cpus;
  const less = had.memoryBytes < machine.memoryBytes;
  return {
    ...rest,
    cpus: fewer ? had.cpus : machine.cpus,
    memoryBytes: less ? had.memoryBytes : machine.memoryBytes,
    ...(fewer || cpusMax === undefined ? {} : { cpusMax }),
    ...(fewer || topology === undefined ? {} : { topology }),
    ...(less || memoryMaxBytes === undefined ? {} : { memoryMaxBytes }),
  };
}

/** Cores of its own are chosen when it is placed. */
function coresObstacle(pod: VmInstance): string | undefined {
  const { cores } = allocationOf(pod);
  if (cores.size === 0) return undefined;
  const pieces = [...cores.values()].reduce((sum, each) => sum + each, 0);
  if (cpusOf(pod.vm) * piecesPerCore <= Math.ceil(pieces / piecesPerCore) * piecesPerCore) {
    return undefined;
  }
  const given = `it was given ${pieces / piecesPerCore} cores of its own when it was placed`;
  return `spec.resources.requests.cpu: ${given}: ask for no more, or delete it to have it placed again`;
}

const nanoPerUnit = 1_000_000_000n;

/** In nano-units, as quantities are kept. */
function requested({ spec }: Pod, resource: string): bigint {
  // A pod's specification is plain JSON.
  const json = spec as unknown as JsonObject;
  const amounts = podAmounts(json, 'requests');
  return (amounts.get(resource) ?? podAmounts(json, 'limits').get(resource))?.nano ?? 0n;
}

/** As the scheduler counts: what there is, or people say, less what is kept back, as often as it is sold. */
function soldOf(node: Node, resource: 'cpu' | 'memory'): bigint {
  const { metadata, status } = node;
  const { annotations = {} } = metadata;
  const of = (annotation: string) => {
    const text = salesOf(annotations[annotation]).get(resource);
    return text === undefined || !isQuantity(text) ? undefined : parseQuantity(text).nano;
  };
  const found = parseQuantity(status?.allocatable?.[resource] ?? '0').nano;
  const left = (of(capacityAnnotation) ?? found) - (of(reservedAnnotation) ?? 0n);
  const factor = factorOf(salesOf(annotations[oversellAnnotation]).get(resource) ?? '') ?? 1;
  const times = resource === 'cpu' ? oversellOf(node) : factor;
  const thousandths = 1_000;
  return (left * BigInt(Math.floor(times * thousandths))) / BigInt(thousandths);
}

function words(resource: 'cpu' | 'memory', wanted: bigint, left: bigint, node: Node): string {
  const told = (nano: bigint) =>
    resource === 'cpu'
      ? formatQuantity({ milli: nano / 1_000_000n })
      : formatQuantity({ value: nano / nanoPerUnit }, 'BinarySI');
  const free = told(left < 0n ? 0n : left);
  const name = node.metadata.name ?? '';
  return (
    `spec.resources.requests.${resource}: ${told(wanted)} is asked for, and node ${name} has ${free} for it: ` +
    'ask for less, or free some there; it is tried again'
  );
}

/** What has ended holds nothing. */
function holds({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
