import { RuntimeError } from './runtime.ts';

/** Nothing can be started beside a container that is halted: it would be halted too. */
export function refusePaused(paused: boolean, container: string): void {
  if (!paused) return;
  const message = `container "${container}" is paused: resume it first`;
  throw new RuntimeError('Conflict', message, { container });
}
