/** The node's disks as its agent publishes them, and the images on each. */
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatQuantity } from '../../api/quantity.ts';
import { disksAnnotation, type NodeDisk } from '../../api/volume.ts';
import { VolumeImages } from '../../runtime/disk/volume-images.ts';

/** A rate that is not known before the disk was measured; until then it is not counted. */
export const asMeasured = 'measured';

/** A disk as the node's owner declares it. */
export interface DiskDeclaration extends Pick<NodeDisk, 'name' | 'class' | 'path'> {
  /** Quantity. @default four fifths of its file system */
  readonly capacity?: string;
  readonly readIOPS?: number | typeof asMeasured;
  readonly writeIOPS?: number | typeof asMeasured;
  /** Quantities, or as measured. */
  readonly readBPS?: string;
  readonly writeBPS?: string;
}

type Rates = Pick<NodeDisk, 'readIOPS' | 'writeIOPS' | 'readBPS' | 'writeBPS'>;

/** What a machine has for volumes when nothing is said. */
export function defaultDisk(dataDir: string): DiskDeclaration {
  return { name: 'local', class: 'local', path: join(dataDir, 'volumes') };
}

const defaultShare = { numerator: 4n, denominator: 5n };

export class NodeDisks {
  readonly #declared: readonly DiskDeclaration[];
  readonly #images: ReadonlyMap<string, VolumeImages>;
  readonly #snapshots: ReadonlyMap<string, VolumeImages>;

  readonly #measuredOf: (disk: string) => Rates;

  /** `measuredOf` tells what a disk could do when it was measured last; nothing before. */
  constructor(
    declared: readonly DiskDeclaration[],
    measuredOf: (disk: string) => Rates = () => ({}),
  ) {
    this.#declared = declared;
    this.#measuredOf = measuredOf;
    const all = (kind: 'used' | 'snapshot') =>
      new Map(declared.map(({ name, path }) => [name, new VolumeImages(path, kind)]));
    [this.#images, this.#snapshots] = [all('used'), all('snapshot')];
  }

  get names(): readonly string[] {
    return this.#declared.map(({ name }) => name);
  }

  pathOf(disk: string): string | undefined {
    return this.#declared.find(({ name }) => name === disk)?.path;
  }

  /** Whether it can be used now. */
  async isThere(disk: string): Promise<boolean> {
    const path = this.pathOf(disk);
    return path !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
  }

  /** `undefined` when the node has no disk of that name. */
  imagesOf(disk: string): VolumeImages | undefined {
    return this.#images.get(disk);
  }

  snapshotsOf(disk: string): VolumeImages | undefined {
    return this.#snapshots.get(disk);
  }

  /** What an agent that died has left half made. */
  async tidy(): Promise<void> {
    for (const images of this.#images.values()) await images.removeHalfMade();
  }

  /** The annotation of the Node; a disk that is not there now is not offered. */
  async annotations(): Promise<Readonly<Record<string, string>>> {
    return { [disksAnnotation]: JSON.stringify(await this.published()) };
  }

  async published(): Promise<readonly NodeDisk[]> {
    const disks = await Promise.all(this.#declared.map((each) => this.#publish(each)));
    return disks.flat();
  }

  async #publish(declared: DiskDeclaration): Promise<readonly NodeDisk[]> {
    const found = await stat(declared.path).catch(() => undefined);
    const system = await statfs(declared.path, { bigint: true }).catch(() => undefined);
    if (found === undefined || system === undefined) return [];
    const retained = (await this.imagesOf(declared.name)?.list('retained')) ?? [];
    const share =
      (system.blocks * system.bsize * defaultShare.numerator) / defaultShare.denominator;
    const { name, class: diskClass, path } = declared;
    const disk: NodeDisk = {
      ...{ name, class: diskClass, path },
      ...ratesOf(declared, this.#measuredOf(name)),
      capacity: declared.capacity ?? quantity(share),
      device: deviceNumber(found.dev),
      ...(retained.length === 0
        ? {}
        : {
            retained: retained.map(({ sizeBytes, path: _, ...id }) => ({
              ...id,
              size: quantity(sizeBytes),
            })),
          }),
    };
    return [disk];
  }
}

function ratesOf(declared: DiskDeclaration, measured: Rates): Rates {
  const rate = <K extends keyof Rates>(key: K) => {
    const value = declared[key] === asMeasured ? measured[key] : declared[key];
    return value === undefined ? {} : { [key]: value };
  };
  return { ...rate('readIOPS'), ...rate('writeIOPS'), ...rate('readBPS'), ...rate('writeBPS') };
}

function quantity(bytes: bigint): string {
  return formatQuantity({ value: (bytes >> 20n) << 20n }, 'BinarySI');
}

/** As the kernel packs them: eight bits of minor below, twelve of major, the rest of minor. */
function deviceNumber(dev: number): string {
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}
