/** What is left behind: garbage that is none, and listeners of a signal that lives on. */
import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Full collections, with turns in between in which promises and finalizers run. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Listeners on it, and signals that `AbortSignal.any` made of it and that Node keeps with it. */
export function leftOn(signal: AbortSignal): number {
  const made = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === 'kDependantSignals',
  );
  // Node's own, of which there is no public view.
  const dependants = made && (signal as unknown as Record<symbol, Set<unknown>>)[made];
  return getEventListeners(signal, 'abort').length + (dependants?.size ?? 0);
}
