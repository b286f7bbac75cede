/**
 * Who may use a volume of this node: one instance at a time. A file for each, which can be made only
 * once, so that it holds also between two agents and over their deaths.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface VolumeHolder {
  /** `Pod` or `VM`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Path of the volume's image: who gives it back may not be able to ask any more. */
  readonly image: string;
}

export class VolumeLocks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Resolves with who has it now: `holder`, if nobody had it before. */
  async take(volumeUid: string, holder: VolumeHolder): Promise<VolumeHolder> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      await writeFile(this.#pathOf(volumeUid), JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
      return holder;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const known = await this.holderOf(volumeUid);
    if (known !== undefined) return known;
    // Cut off by a power cut: whoever wrote it does not run any more.
    await this.drop(volumeUid);
    return await this.take(volumeUid, holder);
  }

  async holderOf(volumeUid: string): Promise<VolumeHolder | undefined> {
    try {
      // Written by `take` only.
      return JSON.parse(await readFile(this.#pathOf(volumeUid), 'utf8')) as VolumeHolder;
    } catch {
      return undefined;
    }
  }

  /** Resolves also when nobody has it. */
  async drop(volumeUid: string): Promise<void> {
    await rm(this.#pathOf(volumeUid), { force: true });
  }

  /** Holders by the uid of what they hold. */
  async all(): Promise<ReadonlyMap<string, VolumeHolder>> {
    const names = await readdir(this.#directory).catch(() => []);
    const found = await Promise.all(
      names.map(async (name) => [name, await this.holderOf(name)] as const),
    );
    return new Map(found.flatMap(([name, holder]) => (holder ? [[name, holder] as const] : [])));
  }

  #pathOf(volumeUid: string): string {
    return join(this.#directory, volumeUid);
  }
}
