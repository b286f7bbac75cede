import { scalarDimension } from './scalar.ts';

/** Shared processor time, in thousandths of a core. */
export const cpu = scalarDimension({
  name: 'cpu',
  covers: (resource) => resource === 'cpu',
  nanoPerUnit: 1_000_000n,
  format: (milli) => String(milli / 1000),
});
