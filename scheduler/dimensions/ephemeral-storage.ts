import { formatBytes, scalarDimension } from './scalar.ts';

/** Disk for image layers, logs and scratch directories, in bytes. */
export const ephemeralStorage = scalarDimension({
  name: 'ephemeral-storage',
  covers: (resource) => resource === 'ephemeral-storage',
  nanoPerUnit: 1_000_000_000n,
  format: formatBytes,
});
