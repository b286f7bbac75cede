import { formatBytes, scalarDimension } from './scalar.ts';

/** Memory, in bytes. */
export const memory = scalarDimension({
  name: 'memory',
  covers: (resource) => resource === 'memory',
  nanoPerUnit: 1_000_000_000n,
  format: formatBytes,
});
