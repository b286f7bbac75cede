/** Whether a pod has written more than it allowed itself. Pure. Source: kubelet, `localStorageEviction`. */
import type { Container, Pod } from '../../api/kinds.gen.ts';
import { formatQuantity, parseBytes } from '../../api/quantity.ts';

export interface StorageUsage {
  /** Bytes by name: layer and log. */
  readonly containers: ReadonlyMap<string, number>;
  /** Bytes by name of the volume. */
  readonly emptyDirs: ReadonlyMap<string, number>;
}

const resource = 'ephemeral-storage';

/** Volumes whose size counts, because something limits it; not those in memory, which are full then. */
export function limitedEmptyDirs({ spec }: Pod): readonly string[] {
  const all = (spec.volumes ?? []).filter(
    ({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== 'Memory',
  );
  const whole = podLimit(spec.containers) !== undefined;
  return all
    .filter(({ emptyDir }) => whole || emptyDir?.sizeLimit !== undefined)
    .map(({ name }) => name);
}

export function limitsContainers({ spec }: Pod): boolean {
  return spec.containers.some(({ resources }) => resources?.limits?.[resource] !== undefined);
}

/** In kubelet's words, with the numbers; `undefined` for a pod that keeps within its own limits. */
export function exceededLimit({ spec }: Pod, usage: StorageUsage): string | undefined {
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = usage.emptyDirs.get(name) ?? 0;
    if (limit !== undefined && isOver(used, limit))
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}": ${size(used)} are used.`;
  }
  for (const { name, resources } of spec.containers) {
    const limit = resources?.limits?.[resource];
    const used = usage.containers.get(name) ?? 0;
    if (limit !== undefined && isOver(used, limit))
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}": ${size(used)} are used.`;
  }
  const limit = podLimit(spec.containers);
  const used = [...usage.containers.values(), ...usage.emptyDirs.values()].reduce(sum, 0);
  if (limit === undefined || used <= limit) return undefined;
  return (
    'Pod ephemeral local storage usage exceeds the total limit of containers ' +
    `${size(limit)}: ${size(used)} are used.`
  );
}

/** Of a pod whose every container has one: what one does not limit, nobody can hold against it. */
function podLimit(containers: readonly Container[]): number | undefined {
  const limits = containers.map(({ resources }) => resources?.limits?.[resource]);
  if (limits.some((limit) => limit === undefined)) return undefined;
  return limits.map((limit) => Number(parseBytes(String(limit ?? '0')))).reduce(sum, 0);
}

function isOver(used: number, limit: string | number): boolean {
  return BigInt(Math.floor(used)) > parseBytes(String(limit));
}

function sum(a: number, b: number): number {
  return a + b;
}

function size(bytes: number): string {
  return formatQuantity({ value: BigInt(Math.ceil(bytes / 1024)) * 1024n }, 'BinarySI');
}
