/**
 * A small disk with a few files on it, as every system can read it: FAT with long names. Pure.
 * Source: Microsoft "FAT: General Overview of On-Disk Format", 1.03.
 */

const sectorBytes = 512;
const reservedSectors = 1;
const fats = 2;
const rootEntries = 512;
const entryBytes = 32;
/** With one sector a cluster; between the limits of FAT16 (4,085 and 65,525 clusters). */
const smallestClusters = 4_100;
const largestClusters = 65_500;

export interface ImageFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Throws `RangeError` when the files take more than 30 MiB. */
export function fatImage(label: string, files: readonly ImageFile[]): Buffer {
  const needed = files.reduce((sum, { content }) => sum + clustersOf(content), 0);
  if (needed > largestClusters) throw new RangeError('the files are too large for a FAT image');
  const clusters = Math.max(smallestClusters, needed + 1);
  const fatSectors = Math.ceil(((clusters + 2) * 2) / sectorBytes);
  const rootSectors = (rootEntries * entryBytes) / sectorBytes;
  const dataStart = reservedSectors + fats * fatSectors + rootSectors;
  const sectors = dataStart + clusters;
  const image = Buffer.alloc(sectors * sectorBytes);
  writeBootSector(image, label, sectors, fatSectors);

  const fat = Buffer.alloc(fatSectors * sectorBytes);
  fat.writeUInt16LE(0xfff8, 0);
  fat.writeUInt16LE(0xffff, 2);
  const entries: Buffer[] = [labelEntry(label)];
  let next = 2;
  for (const [index, { name, content }] of files.entries()) {
    const count = clustersOf(content);
    const first = count === 0 ? 0 : next;
    for (let at = 0; at < count; at += 1) {
      fat.writeUInt16LE(at === count - 1 ? 0xffff : next + 1, next * 2);
      next += 1;
    }
    if (first > 0) image.set(content, (dataStart + first - 2) * sectorBytes);
    entries.push(...fileEntries(name, index, first, content.length));
  }
  for (let copy = 0; copy < fats; copy += 1) {
    fat.copy(image, (reservedSectors + copy * fatSectors) * sectorBytes);
  }
  Buffer.concat(entries).copy(image, (reservedSectors + fats * fatSectors) * sectorBytes);
  return image;
}

function clustersOf(content: Uint8Array): number {
  return Math.ceil(content.length / sectorBytes);
}

function writeBootSector(image: Buffer, label: string, sectors: number, fatSectors: number): void {
  image.set([0xeb, 0x3c, 0x90], 0);
  image.write('BERTH   ', 3, 'latin1');
  image.writeUInt16LE(sectorBytes, 11);
  image.writeUInt8(1, 13);
  image.writeUInt16LE(reservedSectors, 14);
  image.writeUInt8(fats, 16);
  image.writeUInt16LE(rootEntries, 17);
  if (sectors < 0x1_0000) image.writeUInt16LE(sectors, 19);
  else image.writeUInt32LE(sectors, 32);
  image.writeUInt8(0xf8, 21);
  image.writeUInt16LE(fatSectors, 22);
  image.writeUInt16LE(32, 24);
  image.writeUInt16LE(64, 26);
  image.writeUInt8(0x80, 36);
  image.writeUInt8(0x29, 38);
  image.writeUInt32LE(0x6265_7274, 39);
  image.write(label.padEnd(11).slice(0, 11), 43, 'latin1');
  image.write('FAT16   ', 54, 'latin1');
  image.writeUInt16LE(0xaa55, 510);
}

const attribute = { archive: 0x20, label: 0x08, longName: 0x0f } as const;

function labelEntry(label: string): Buffer {
  const entry = Buffer.alloc(entryBytes);
  entry.write(label.padEnd(11).slice(0, 11), 0, 'latin1');
  entry.writeUInt8(attribute.label, 11);
  return entry;
}

/** The long name in pieces of 13 characters, last piece first, and then the entry itself. */
function fileEntries(name: string, index: number, first: number, size: number): Buffer[] {
  const short = `FILE${String(index).padStart(4, '0')}   `;
  const entry = Buffer.alloc(entryBytes);
  entry.write(short, 0, 'latin1');
  entry.writeUInt8(attribute.archive, 11);
  entry.writeUInt16LE(first, 26);
  entry.writeUInt32LE(size, 28);
  const pieces = Math.ceil(name.length / longNameChars);
  const long = Array.from({ length: pieces }, (_, at) => longEntry(name, at, pieces, short));
  return [...long.reverse(), entry];
}

const longNameChars = 13;
/** Where the characters of a piece stand. */
const longNameOffsets = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

function longEntry(name: string, at: number, pieces: number, short: string): Buffer {
  const entry = Buffer.alloc(entryBytes);
  const lastFlag = 0x40;
  entry.writeUInt8(at + 1 + (at === pieces - 1 ? lastFlag : 0), 0);
  entry.writeUInt8(attribute.longName, 11);
  entry.writeUInt8(checksum(short), 13);
  for (const [index, offset] of longNameOffsets.entries()) {
    const position = at * longNameChars + index;
    const end = position === name.length ? 0 : 0xffff;
    entry.writeUInt16LE(position < name.length ? name.charCodeAt(position) : end, offset);
  }
  return entry;
}

function checksum(short: string): number {
  let sum = 0;
  for (const char of Buffer.from(short, 'latin1')) {
    sum = (((sum & 1) << 7) + (sum >> 1) + char) & 0xff;
  }
  return sum;
}
