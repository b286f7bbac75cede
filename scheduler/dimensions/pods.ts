import { scalarDimension } from './scalar.ts';

/** How many instances a node carries; every instance takes one. A node that names no number carries none. */
export const pods = scalarDimension({
  name: 'pods',
  covers: (resource) => resource === 'pods',
  nanoPerUnit: 1_000_000_000n,
  format: String,
  reason: () => 'Too many pods',
  implied: { resource: 'pods', amount: 1 },
});
