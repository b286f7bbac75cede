/** What goes wrong with volumes, and the one way their tools are run. */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

export type VolumeErrorReason =
  /** The disk has no room for the whole of it. */
  | 'DiskFull'
  /** A program that the machine lacks. */
  | 'ToolMissing'
  /** It cannot be made as it is asked for. */
  | 'InvalidVolume'
  /** What it is to be made from is not there. */
  | 'SourceMissing'
  /** Somebody holds what must be free for it. */
  | 'InUse'
  /** It is larger, and its file system grows when nobody uses it any more. */
  | 'FileSystemResizePending'
  /** A tool complained; the message has its words. */
  | 'Failed';

/** The message is for the one who asked for the volume. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly reason: VolumeErrorReason;

  constructor(reason: VolumeErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Debian's packages of the programs that not every machine has. */
const packages: Readonly<Record<string, string>> = {
  'mkfs.ext4': 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
  losetup: 'mount',
  mount: 'mount',
};

/** Runs a program; every failure but the caller's own abort is a `VolumeError`. */
export async function runTool(
  program: string,
  args: readonly string[],
  options: CallOptions & { readonly mayFail?: RegExp },
): Promise<string> {
  try {
    return await run(program, args, options);
  } catch (cause) {
    options.signal.throwIfAborted();
    const message = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      const remedy = `install ${packages[program] ?? program}`;
      const words = `${program} is not on this machine: ${remedy}`;
      throw new VolumeError('ToolMissing', words, { cause });
    }
    const reason = /No space left on device/i.test(message) ? 'DiskFull' : 'Failed';
    throw new VolumeError(reason, message, { cause });
  }
}
