/**
 * Which processors a pod's containers run on: those it was given (`berth.dev/allocation`), or those that are left when
 * all bound pods of the node have theirs.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { formatCpuList } from '../../lib/cpu-list.ts';
import type { CpuChoice } from '../../runtime/runtime.ts';
import { allocationOf } from '../devices/allocation.ts';
import { ConfigError } from '../pod/config-error.ts';

/** The processors of one pod beside the others on its node; throws `ConfigError` when it has some that are not there. */
export function cpusOf(pod: Pod, pods: readonly Pod[], machine: readonly number[]): CpuChoice {
  const own = boundTo(pod);
  if (own === undefined) return sharedCpus(pods, machine);
  const { cores, numaNode } = own;
  const missing = cores.filter((core) => !machine.includes(core));
  if (missing.length > 0) {
    const [lacks, has] = [formatCpuList(missing), formatCpuList(machine)];
    const remedy = 'delete the pod to have it placed again';
    throw new ConfigError(`bound to core ${lacks}, but this node has ${has}: ${remedy}`);
  }
  return {
    cpus: formatCpuList(cores),
    isAll: false,
    ...(numaNode === undefined ? {} : { memoryNodes: String(numaNode) }),
  };
}

/** Tells which pods must move when bound ones come and go. */
export class CpuMoves {
  readonly #machine: readonly number[];
  #shared: string;

  constructor(machine: readonly number[]) {
    this.#machine = machine;
    this.#shared = formatCpuList(machine);
  }

  /** Uids of the pods that share processors, when these have changed since the last call. */
  after(pods: readonly Pod[]): readonly string[] {
    const { cpus } = sharedCpus(pods, this.#machine);
    if (cpus === this.#shared) return [];
    this.#shared = cpus;
    return pods
      .filter((pod) => boundTo(pod) === undefined)
      .map(({ metadata }) => metadata.uid ?? '');
  }
}

/** The cores to which no pod is bound. On a node that is oversold they might share more; this keeps them apart. */
function sharedCpus(pods: readonly Pod[], machine: readonly number[]): CpuChoice {
  const used = new Set<number>();
  for (const pod of pods) {
    if (isEnded(pod)) continue;
    for (const core of boundTo(pod)?.cores ?? []) used.add(core);
  }
  const left = machine.filter((core) => !used.has(core));
  // Everybody must run somewhere: where nothing is left, all are shared.
  const isAll = left.length === 0 || left.length === machine.length;
  return { cpus: formatCpuList(isAll ? machine : left), isAll };
}

function isEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

interface Bound {
  readonly cores: readonly number[];
  readonly numaNode: number | undefined;
}

/** Undefined for a pod without cores of its own. */
function boundTo(pod: Pod): Bound | undefined {
  const { cores, numaNode } = allocationOf(pod);
  return cores.size === 0 ? undefined : { cores: [...cores.keys()], numaNode };
}
