/** Which cores are left to instances that are not bound to any. Pure. */
import { type FreePieces, piecesPerCore } from './cores.ts';

/** The cores with a whole core's pieces free; all of them when there is none, because everybody must run somewhere. */
export function sharedCores(free: FreePieces): readonly number[] {
  const cores = Array.from(free, (_, core) => core);
  const left = cores.filter((core) => (free[core] ?? 0) >= piecesPerCore);
  return left.length > 0 ? left : cores;
}
