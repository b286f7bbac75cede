/** What libvirt does not keep: the console's output of each start, and how and when each ended. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerState } from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';

export type Ended = Extract<ContainerState, { phase: 'exited' }>;

export class Attempts {
  readonly #stateDir: string;
  readonly #notes = new KeyedSerial();
  /** By path: notes that the disk had no room for; of each attempt that is there one at most. */
  readonly #unwritten = new Map<string, Ended>();

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  directory(instance: string): string {
    return join(this.#stateDir, instance);
  }

  consoleLog(instance: string, attempt: number): string {
    return join(this.directory(instance), `console.${attempt}.log`);
  }

  /** The hypervisor runs as another user, and writes the logs. */
  async prepare(instance: string, attempt: number): Promise<void> {
    await mkdir(this.#stateDir, { recursive: true, mode: 0o711 });
    await mkdir(this.directory(instance), { recursive: true, mode: 0o711 });
    await this.forget(instance, attempt - 2);
  }

  /** libvirt took it to its end: its CPUs run. */
  async noteStarted(instance: string, attempt: number): Promise<void> {
    await writeFile(this.#startOf(instance, attempt), '').catch((error) => {
      // It was removed meanwhile.
      if (error.code !== 'ENOENT') throw error;
    });
  }

  /** Also when nobody was there to note it, and it has printed something. */
  async hasStarted(instance: string, attempt: number): Promise<boolean> {
    if (existsSync(this.#startOf(instance, attempt))) return true;
    const log = await stat(this.consoleLog(instance, attempt)).catch(() => undefined);
    return log !== undefined && log.size > 0;
  }

  async ended(instance: string, attempt: number): Promise<Ended | undefined> {
    const path = this.#endOf(instance, attempt);
    try {
      // Written by `noteEnd`.
      return JSON.parse(await readFile(path, 'utf8')) as Ended;
    } catch {
      return this.#unwritten.get(path);
    }
  }

  /** The first note counts: whoever asks later is told the same. */
  async noteEnd(instance: string, attempt: number, ended: Ended): Promise<Ended> {
    const path = this.#endOf(instance, attempt);
    return await this.#notes.run(path, async () => {
      const known = await this.ended(instance, attempt);
      if (known !== undefined) return known;
      try {
        await mkdir(this.directory(instance), { recursive: true, mode: 0o711 });
        const draft = `${path}.new`;
        await writeFile(draft, JSON.stringify(ended), { flush: true });
        await rename(draft, path);
      } catch (error) {
        // It has ended all the same.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        this.#unwritten.set(path, ended);
      }
      return ended;
    });
  }

  /** Where a disk of it is being copied to, for whoever comes after a crash; absent = it is not. */
  async noteCapture(instance: string, path: string | undefined): Promise<void> {
    const note = join(this.directory(instance), 'capture');
    if (path === undefined) await rm(note, { force: true });
    else await writeFile(note, path);
  }

  async capture(instance: string): Promise<string | undefined> {
    const note = join(this.directory(instance), 'capture');
    return await readFile(note, 'utf8').catch(() => undefined);
  }

  /** That its guest is held still, for whoever comes after a crash. */
  async noteStill(instance: string, isStill: boolean): Promise<void> {
    const note = join(this.directory(instance), 'still');
    if (isStill) await writeFile(note, '');
    else await rm(note, { force: true });
  }

  async isStill(instance: string): Promise<boolean> {
    return existsSync(join(this.directory(instance), 'still'));
  }

  /** Of an attempt that is made anew. */
  async forget(instance: string, attempt: number): Promise<void> {
    this.#unwritten.delete(this.#endOf(instance, attempt));
    await rm(this.#endOf(instance, attempt), { force: true });
    await rm(this.consoleLog(instance, attempt), { force: true });
    await rm(this.#startOf(instance, attempt), { force: true });
  }

  /** Of an attempt that was not to be; attempts before it keep what is known of them. */
  async takeBack(instance: string, attempt: number): Promise<void> {
    await this.forget(instance, attempt);
    // Something else may lie there.
    await rmdir(this.directory(instance)).catch(() => undefined);
  }

  /** All but disks. */
  async removeNotes(instance: string): Promise<void> {
    const directory = this.directory(instance);
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      if (/^(start|end|console)\./.test(name)) await rm(join(directory, name), { force: true });
    }
    await rmdir(directory).catch(() => undefined);
  }

  async remove(instance: string): Promise<void> {
    for (const path of this.#unwritten.keys())
      if (dirname(path) === this.directory(instance)) this.#unwritten.delete(path);
    await rm(this.directory(instance), { recursive: true, force: true });
  }

  #startOf(instance: string, attempt: number): string {
    return join(this.directory(instance), `start.${attempt}`);
  }

  #endOf(instance: string, attempt: number): string {
    return join(this.directory(instance), `end.${attempt}.json`);
  }
}
