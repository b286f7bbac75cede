/** What is asked of a node's GPUs, and what was given. Plain data, as it is stored with a binding. */
import type { JsonValue } from '../../../api/meta.ts';
import type { Claim } from '../dimension.ts';

/** The resource a pod asks for: `2` whole devices, or `0.25` of one. */
export const gpuResource = 'berth.dev/gpu';

/** One device, in the unit shares are kept in. */
export const wholeDevice = 1000;

export type GpuNeed = {
  /** How many different devices. */
  readonly devices: number;
  /** Of each device, in thousandths: 1 to 1000. */
  readonly milli: number;
  /** Any of these; empty: any at all. In order of name. */
  readonly models: readonly string[];
};

export type GpuPiece = {
  /** Numbers of the devices on their node, ascending. */
  readonly devices: readonly number[];
  /** Of each device, in thousandths. */
  readonly milli: number;
};

/** More than one device is always whole: 1.5 is two. */
export function needOf(
  claim: Claim,
  milliOf: (quantity: string | number) => number,
): GpuNeed | undefined {
  const milli = Math.max(
    sumOf(claim.together, milliOf),
    ...claim.before.map((moment) => sumOf(moment, milliOf)),
  );
  if (milli === 0) return undefined;
  const models = [...new Set(claim.gpuModels)].sort();
  if (milli < wholeDevice) return { devices: 1, milli, models };
  return { devices: Math.ceil(milli / wholeDevice), milli: wholeDevice, models };
}

/** Undefined for what is no piece of this dimension. */
export function pieceOf(stored: JsonValue): GpuPiece | undefined {
  if (typeof stored !== 'object' || stored === null || !('milli' in stored)) return undefined;
  const { devices, milli } = stored;
  if (!isShare(milli) || !Array.isArray(devices)) return undefined;
  const numbers = devices.filter(isNumber);
  if (numbers.length !== devices.length) return undefined;
  return { devices: numbers, milli };
}

function sumOf(parts: Claim['together'], milliOf: (quantity: string | number) => number): number {
  return parts.reduce((sum, part) => sum + milliOf(part[gpuResource] ?? 0), 0);
}

function isShare(value: JsonValue | undefined): value is number {
  return isNumber(value) && value >= 1 && value <= wholeDevice;
}

function isNumber(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
