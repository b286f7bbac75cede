/** A file to put into a tar archive; `link` makes a symbolic link instead. */
export interface TarEntry {
  readonly path: string;
  readonly mode?: number;
  readonly content?: Uint8Array | string;
  readonly link?: string;
  readonly directory?: boolean;
}

const blockBytes = 512;

/** A ustar archive: enough to load an image into an engine. Paths are at most 100 bytes. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
    return [header(entry, content.length), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.path) > 100) throw new RangeError(`path too long: ${entry.path}`);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
  block.write(entry.path, 0);
  octal(entry.mode ?? (entry.directory ? 0o755 : 0o644), 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write(entry.link !== undefined ? '2' : entry.directory ? '5' : '0', 156);
  block.write(entry.link ?? '', 157);
  block.write('ustar\x0000', 257);
  // The checksum is computed with its own field as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
