/** Looks after the node's images: tells which are there, and makes room when their disk is full. */
import { statfs } from 'node:fs/promises';
import type { ContainerImage } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';
import type { ImageStore, StoredImage } from '../../runtime/image-store.ts';
import { type Runtime, RuntimeError } from '../../runtime/runtime.ts';
import { type CollectionPolicy, defaultPolicy, imagesToCollect } from './collection.ts';
import type { ImageLedger } from './image-ledger.ts';

/** How often it looks. */
const lookMs = 60_000;
/** How long the engine may take to list, and to remove what has become too much. */
const answerMs = 120_000;
/** The Node names as many images, and as many names of each. Source: kubelet's `nodeStatusMaxImages`. */
const toldMax = 50;
const namesMax = 5;

export interface Disk {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

export interface ImageKeeperOptions {
  readonly runtimes: readonly Runtime[];
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: ImageLedger;
  readonly policy?: Partial<CollectionPolicy>;
  /** `undefined` where it is not on this machine. */
  readonly readDisk?: (directory: string) => Promise<Disk | undefined>;
}

export class ImageKeeper {
  readonly #options: ImageKeeperOptions;
  #told: readonly ContainerImage[] = [];

  constructor(options: ImageKeeperOptions) {
    this.#options = options;
  }

  /** For the Node's status, as of the last look: the biggest first. */
  get nodeImages(): readonly ContainerImage[] {
    return this.#told;
  }

  async run({ signal }: CallOptions): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await within(answerMs, clock, signal, (given) => this.look({ signal: given }));
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'images not looked after');
      }
      await clock.sleep(lookMs, signal).catch(() => undefined);
    }
  }

  /** Lists what is there, and collects what is over the threshold. */
  async look(options: CallOptions): Promise<void> {
    await this.#collect({ ...defaultPolicy, ...this.#options.policy }, options);
  }

  /** Removes every image that may go: the disk needs room now. Answers how many bytes went. */
  async reclaim(options: CallOptions): Promise<number> {
    return await this.#collect({ ...defaultPolicy, highPercent: 0, lowPercent: 0 }, options);
  }

  async #collect(policy: CollectionPolicy, options: CallOptions): Promise<number> {
    const { runtimes, clock, ledger, readDisk = diskOf } = this.#options;
    const all: StoredImage[] = [];
    let freedBytes = 0;
    const stores = await Promise.all(runtimes.map((runtime) => runtime.listImages(options)));
    ledger.noteImages(
      stores.flatMap(({ images }) => images),
      clock.now(),
    );
    for (const [index, store] of stores.entries()) {
      const runtime = runtimes[index];
      const disk = store.directory === undefined ? undefined : await readDisk(store.directory);
      const gone =
        runtime === undefined || disk === undefined
          ? new Set<string>()
          : await this.#remove(runtime, store, disk, policy, options);
      for (const image of store.images) {
        if (gone.has(image.id)) freedBytes += image.sizeBytes;
        else all.push(image);
      }
    }
    this.#told = toldOf(all);
    await ledger.save();
    return freedBytes;
  }

  async #remove(
    runtime: Runtime,
    store: ImageStore,
    disk: Disk,
    policy: CollectionPolicy,
    options: CallOptions,
  ): Promise<ReadonlySet<string>> {
    const { ledger, log, clock } = this.#options;
    const { images } = store;
    const isOurs = (image: StoredImage) => ledger.isOurs(image);
    const { history } = ledger;
    const input = { images, history, isOurs, disk, policy, nowMs: clock.now() };
    const { freeBytes, images: chosen } = imagesToCollect(input);
    const gone = new Set<string>();
    let freedBytes = 0;
    for (const { id, tags, sizeBytes } of chosen) {
      try {
        await runtime.removeImage(id, options);
        gone.add(id);
        freedBytes += sizeBytes;
        log.info({ image: tags[0] ?? id, sizeBytes }, 'unused image removed');
      } catch (error) {
        // Somebody has made a container from it since it was listed.
        if (!(error instanceof RuntimeError) || error.reason !== 'ImageInUse') throw error;
      }
    }
    if (freedBytes < freeBytes && policy.highPercent > 0)
      log.warn({ freeBytes, freedBytes }, 'image disk over its threshold, no more may be removed');
    return gone;
  }
}

async function diskOf(directory: string): Promise<Disk | undefined> {
  const disk = await statfs(directory).catch(() => undefined);
  if (disk === undefined) return undefined;
  // What is kept back for root is not there for images.
  const used = (disk.blocks - disk.bfree) * disk.bsize;
  const availableBytes = disk.bavail * disk.bsize;
  return { capacityBytes: used + availableBytes, availableBytes };
}

function toldOf(images: readonly StoredImage[]): readonly ContainerImage[] {
  return [...images]
    .filter(({ tags, digests }) => tags.length + digests.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, toldMax)
    .map(({ tags, digests, sizeBytes }) => ({
      names: [...digests, ...tags].slice(0, namesMax),
      sizeBytes,
    }));
}
