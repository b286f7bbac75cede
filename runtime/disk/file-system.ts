/** File systems inside image files: made, recognised and grown. */
import { open } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { runTool, VolumeError } from './volume-error.ts';

export type FsType = 'ext4' | 'xfs';

/** Source: mkfs.xfs of xfsprogs 5.19 and later refuses less. */
const xfsMinBytes = 300n << 20n;
/** A last group that would be too small for its own tables is left out. */
const slackBytes = 4n << 20n;

export interface FileSystem {
  readonly type: FsType;
  readonly sizeBytes: bigint;
}

/** What an image holds; `undefined` when it is neither of ours. */
export async function readFileSystem(path: string): Promise<FileSystem | undefined> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(2_048);
    await file.read(head, 0, head.length, 0);
    return parseSuperblock(head);
  } finally {
    await file.close();
  }
}

/**
 * `head` is the first 2 KiB. Pure.
 * Source: kernel documentation, "ext4 Data Structures: Super Block"; "XFS Algorithms & Data Structures".
 */
export function parseSuperblock(head: Buffer): FileSystem | undefined {
  if (head.toString('latin1', 0, 4) === 'XFSB') {
    return { type: 'xfs', sizeBytes: BigInt(head.readUInt32BE(4)) * head.readBigUInt64BE(8) };
  }
  const ext = head.subarray(1_024);
  if (ext.readUInt16LE(0x38) !== 0xef53) return undefined;
  const has64Bit = (ext.readUInt32LE(0x60) & 0x80) !== 0;
  const high = has64Bit ? BigInt(ext.readUInt32LE(0x150)) : 0n;
  const blocks = (high << 32n) | BigInt(ext.readUInt32LE(4));
  return { type: 'ext4', sizeBytes: blocks << BigInt(10 + ext.readUInt32LE(0x18)) };
}

/** Discards nothing: blocks that were taken for the image stay its own. */
export async function makeFileSystem(
  path: string,
  type: FsType,
  sizeBytes: bigint,
  options: CallOptions,
): Promise<void> {
  if (type === 'xfs') {
    if (sizeBytes < xfsMinBytes) {
      const message = 'size: xfs needs 300Mi at least; ask for more, or for fsType ext4';
      throw new VolumeError('InvalidVolume', message);
    }
    await runTool('mkfs.xfs', ['-q', '-K', path], options);
    return;
  }
  // No blocks are kept for root: the size is the user's.
  await runTool('mkfs.ext4', ['-q', '-F', '-m', '0', '-E', 'nodiscard', path], options);
}

/** Whether the file system leaves room of its device unused. */
export function isShort({ sizeBytes }: FileSystem, deviceBytes: bigint): boolean {
  return deviceBytes - sizeBytes >= slackBytes;
}

/** While it is mounted; `FileSystemResizePending` where the kernel does not let us. */
export async function growMounted(
  type: FsType,
  device: string,
  mountPath: string,
  options: CallOptions,
): Promise<void> {
  if (type === 'xfs') {
    await runTool('xfs_growfs', ['-d', mountPath], options);
    return;
  }
  await runTool('resize2fs', [device], options).catch((cause) => {
    // The kernel grows a mounted ext4 for CAP_SYS_RESOURCE only, which some machines keep to themselves.
    if (!/Permission denied/.test(String(cause))) throw cause;
    const message = 'the file system grows when its user has stopped: this kernel refuses before';
    throw new VolumeError('FileSystemResizePending', message, { cause });
  });
}

/** While it is not mounted; xfs grows only when it is. */
export async function growUnmounted(device: string, options: CallOptions): Promise<void> {
  // Whatever it finds it mends or leaves: `resize2fs` refuses a file system that is not clean.
  await runTool('e2fsck', ['-f', '-p', device], { ...options, mayFail: /^/ });
  await runTool('resize2fs', [device], options);
}
