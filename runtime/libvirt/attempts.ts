/** What libvirt does not keep: the console's output of each start, and how and when each ended. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerState } from '../runtime.ts';

export type Ended = Extract<ContainerState, { phase: 'exited' }>;

export class Attempts {
  readonly #stateDir: string;

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

  async hasStarted(instance: string, attempt: number): Promise<boolean> {
    return (await stat(this.consoleLog(instance, attempt)).catch(() => undefined)) !== undefined;
  }

  async ended(instance: string, attempt: number): Promise<Ended | undefined> {
    const text = await readFile(this.#endOf(instance, attempt), 'utf8').catch(() => undefined);
    // Written by `noteEnd`.
    return text === undefined ? undefined : (JSON.parse(text) as Ended);
  }

  /** The first note counts: whoever asks later is told the same. */
  async noteEnd(instance: string, attempt: number, ended: Ended): Promise<Ended> {
    try {
      await mkdir(this.directory(instance), { recursive: true, mode: 0o711 });
      await writeFile(this.#endOf(instance, attempt), JSON.stringify(ended), { flag: 'wx' });
      return ended;
    } catch (error) {
      const known = await this.ended(instance, attempt).catch(() => undefined);
      if (known === undefined) throw error;
      return known;
    }
  }

  /** Of an attempt that is made anew. */
  async forget(instance: string, attempt: number): Promise<void> {
    await rm(this.#endOf(instance, attempt), { force: true });
    await rm(this.consoleLog(instance, attempt), { force: true });
  }

  async remove(instance: string): Promise<void> {
    await rm(this.directory(instance), { recursive: true, force: true });
  }

  #endOf(instance: string, attempt: number): string {
    return join(this.directory(instance), `end.${attempt}.json`);
  }
}
