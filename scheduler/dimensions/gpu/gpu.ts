/**
 * GPUs: whole devices, several at once, or a share of one in thousandths, of any model or of some. A node says which
 * it has; a decision names the devices.
 */
import { parseQuantity } from '../../../api/quantity.ts';
import type { StructuredDimension } from '../dimension.ts';
import { GpuDevices } from './devices.ts';
import { type GpuNeed, type GpuPiece, needOf, pieceOf } from './need.ts';

export const gpu: StructuredDimension<GpuNeed, GpuPiece> = {
  type: 'structured',
  name: 'gpu',
  parse: (claim) => needOf(claim, milliOf),
  read: pieceOf,
  create: ({ gpus = [] }) => new GpuDevices(gpus),
};

const nanoPerMilli = 1_000_000n;

function milliOf(quantity: string | number): number {
  const { nano } = parseQuantity(quantity);
  return nano <= 0n ? 0 : Number((nano + nanoPerMilli - 1n) / nanoPerMilli);
}
