import { cpu } from './cpu.ts';
import { cpuBound } from './cpu-bound/cpu-bound.ts';
import type { Dimension, ScalarDimension, StructuredDimension } from './dimension.ts';
import { ephemeralStorage } from './ephemeral-storage.ts';
import { extended, hugepages } from './extended.ts';
import { gpu } from './gpu/gpu.ts';
import { hostPorts } from './host-ports.ts';
import { memory } from './memory.ts';
import { pods } from './pods.ts';
import { disks } from './storage/disks.ts';

/** Every dimension that needs no configuration. The order is that of reasons. */
const builtInDimensions: readonly Dimension[] = [
  pods,
  cpu,
  memory,
  ephemeralStorage,
  hugepages,
  extended,
  gpu,
  hostPorts,
  cpuBound,
  disks,
];

/** The dimensions of one engine, by kind. */
export interface Dimensions {
  readonly scalar: readonly ScalarDimension[];
  readonly structured: ReadonlyMap<string, StructuredDimension>;
  /** The scalar dimension a resource name belongs to; the first that covers it. */
  covering(resource: string): ScalarDimension | undefined;
}

export function dimensionsOf(all: readonly Dimension[] = builtInDimensions): Dimensions {
  const scalar = all.filter((d): d is ScalarDimension => d.type === 'scalar');
  const structured = all.filter((d): d is StructuredDimension => d.type === 'structured');
  return {
    scalar,
    structured: new Map(structured.map((dimension) => [dimension.name, dimension])),
    covering: (resource) => scalar.find((dimension) => dimension.covers(resource)),
  };
}

/** The built-in ones and others, which are asked last. */
export function withDimensions(others: readonly Dimension[]): Dimensions {
  return dimensionsOf([...builtInDimensions, ...others]);
}
