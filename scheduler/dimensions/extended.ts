import { gpuResource } from './gpu/need.ts';
import { formatBytes, scalarDimension } from './scalar.ts';

/**
 * Whatever else a node says it has, as a rule `<domain>/<name>`, in whole pieces. Asked last. GPUs are not summed: two
 * halves on two devices are no whole one.
 */
export const extended = scalarDimension({
  name: 'extended',
  covers: (resource) => resource !== gpuResource,
  nanoPerUnit: 1_000_000_000n,
  format: String,
});

/** Memory set aside in large pages, one resource per page size, in bytes. */
export const hugepages = scalarDimension({
  name: 'hugepages',
  covers: (resource) => resource.startsWith('hugepages-'),
  nanoPerUnit: 1_000_000_000n,
  format: formatBytes,
});
