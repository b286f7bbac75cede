/** Directories whose content is memory. */
import type { CallOptions } from '../../lib/call.ts';
import { mountPoints } from './mount-points.ts';
import { runTool } from './volume-error.ts';

/** Whether it had to be mounted: then it is empty. Without a size it is full at half of the memory. */
export async function mountMemory(
  path: string,
  sizeBytes: bigint | undefined,
  options: CallOptions,
): Promise<boolean> {
  if ((await mountPoints()).has(path)) return false;
  const words = sizeBytes === undefined ? 'nodev' : `nodev,size=${sizeBytes}`;
  await runTool('mount', ['-t', 'tmpfs', '-o', words, 'tmpfs', path], options);
  return true;
}

/** Ends whatever is mounted in a directory; resolves also when nothing is. */
export async function unmountBelow(directory: string, options: CallOptions): Promise<void> {
  const places = [...(await mountPoints()).keys()].filter((each) =>
    each.startsWith(`${directory}/`),
  );
  // What was mounted last is the deepest, or on top of another.
  for (const place of places.reverse()) await runTool('umount', [place], options);
}
