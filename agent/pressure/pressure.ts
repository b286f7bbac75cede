/** Whether the machine runs short of something. Pure. Source: kubelet's hard eviction thresholds. */
import { formatQuantity, parseBytes } from '../../api/quantity.ts';
import type { Amount, MachineLoad } from '../topology/machine.ts';

export interface PressureThresholds {
  /** Least memory that must be available: a quantity, or a share such as `5%`. @default 100Mi */
  readonly memoryAvailable: string;
  /** Of the disk with the agent's data. @default 10% */
  readonly nodefsAvailable: string;
  /** Of the same disk. @default 5% */
  readonly nodefsInodesFree: string;
  /** Process ids that must be free. @default 5% */
  readonly pidAvailable: string;
}

export const defaultThresholds: PressureThresholds = {
  memoryAvailable: '100Mi',
  nodefsAvailable: '10%',
  nodefsInodesFree: '5%',
  pidAvailable: '5%',
};

export interface Pressure {
  /** What is short, in words; absent = enough is there. */
  readonly memory?: string;
  readonly disk?: string;
  readonly pids?: string;
}

export function pressureOf(load: MachineLoad, thresholds: PressureThresholds): Pressure {
  const { memory, disk, inodes, pids } = load;
  const short = {
    memory: shortage('memory', memory, thresholds.memoryAvailable, bytes),
    disk:
      shortage('disk space', disk, thresholds.nodefsAvailable, bytes) ??
      shortage('inodes', inodes, thresholds.nodefsInodesFree, String),
    pids: shortage('process ids', pids, thresholds.pidAvailable, String),
  };
  return Object.fromEntries(Object.entries(short).filter(([, words]) => words !== undefined));
}

function shortage(
  what: string,
  { total, free }: Amount,
  threshold: string,
  format: (amount: number) => string,
): string | undefined {
  // Some file systems have no fixed number of inodes, and say 0.
  if (total === 0) return undefined;
  const least = leastOf(threshold, total);
  if (free >= least) return undefined;
  return `${format(free)} of ${format(total)} ${what} are free, less than ${threshold}`;
}

/** `10%` or a quantity. Throws a `TypeError` that says what is wrong. */
export function leastOf(threshold: string, total: number): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(threshold)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return (total * Number(percent)) / 100;
  try {
    return Number(parseBytes(threshold));
  } catch {
    throw new TypeError(`"${threshold}" is neither a share such as 10% nor a quantity such as 1Gi`);
  }
}

function bytes(amount: number): string {
  const mebibytes = BigInt(Math.floor(amount / 2 ** 20));
  return formatQuantity({ value: mebibytes << 20n }, 'BinarySI');
}
