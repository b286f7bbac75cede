/** Sizes of a terminal, applied one after the other: the newest one wins, whatever the engine's pace. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A size that comes too late, or too early, is no reason to end the session: errors are passed over. */
export function createResizer(apply: (size: Size) => Promise<void>): (size: Size) => void {
  let next: Size | undefined;
  let busy = false;
  const run = async () => {
    busy = true;
    while (next !== undefined) {
      const size = next;
      next = undefined;
      await apply(size).catch(() => undefined);
    }
    busy = false;
  };
  return (size) => {
    next = size;
    if (!busy) void run();
  };
}
