/** Whether the disk of an embedded store has room for more, and what the store takes of it. */
import { statfsSync } from 'node:fs';
import type { Tables } from './embedded-tables.ts';
import type { StoreSpace } from './store.ts';

export interface DiskRoomOptions {
  readonly directory: string;
  /** With less free space on the disk there is no room. */
  readonly reserveBytes: number;
}

/** lmdb's own description of a tree; its declarations leave it open. */
interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface FileStats extends TreeStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly root: TreeStats;
  readonly free: TreeStats;
}

export class DiskRoom {
  readonly #tables: Tables;
  readonly #options: DiskRoomOptions;

  constructor(tables: Tables, options: DiskRoomOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  /**
   * Room is free disk, or else as much free space inside the file, which never shrinks: what was
   * deleted and compacted is written to again.
   */
  isThere(): boolean {
    if (this.#freeBytes() >= this.#options.reserveBytes) return true;
    const { sizeBytes, inUseBytes } = this.#file();
    return sizeBytes - inUseBytes >= this.#options.reserveBytes;
  }

  space(): StoreSpace {
    const freeBytes = this.#freeBytes();
    const size = { ...this.#file(), freeBytes };
    if (this.isThere()) return size;
    const { directory, reserveBytes } = this.#options;
    const why = `${inMiB(freeBytes)} free on the disk of ${directory}, ${inMiB(reserveBytes)} needed`;
    return { ...size, full: { why, remedy: `free space on the disk of ${directory}` } };
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#options.directory);
    return bavail * bsize;
  }

  #file(): { readonly sizeBytes: number; readonly inUseBytes: number } {
    const { root, heads, versions, log, meta } = this.#tables;
    const stats = root.getStats() as FileStats;
    const trees = [heads, versions, log, meta].map((table) => table.getStats() as TreeStats);
    const inUse = [stats.root, stats.free, ...trees].reduce((sum, tree) => sum + pagesOf(tree), 0);
    return {
      sizeBytes: (stats.lastPageNumber + 1) * stats.pageSize,
      inUseBytes: inUse * stats.pageSize,
    };
  }
}

function pagesOf(tree: TreeStats): number {
  return tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages;
}

function inMiB(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}
