import type { LogChunk, LogOptions } from '../runtime.ts';

interface Line {
  readonly atMs: number;
  readonly stream: LogChunk['stream'];
  readonly text: string;
}

/** What a fake process wrote, line by line, with readers that may wait for more. */
export class LogBuffer {
  readonly #lines: Line[] = [];
  #ended = false;
  #wake: (() => void)[] = [];

  add(line: Line): void {
    this.#lines.push(line);
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  async *read(options: LogOptions): AsyncGenerator<LogChunk> {
    const since = options.sinceMs ?? 0;
    let at = this.#lines.findIndex((line) => line.atMs >= since);
    if (at < 0) at = this.#lines.length;
    if (options.tailLines !== undefined) at = Math.max(at, this.#lines.length - options.tailLines);
    for (;;) {
      for (let line = this.#lines[at]; line !== undefined; line = this.#lines[at]) {
        at += 1;
        const stamp = options.timestamps ? `${nanoTime(line.atMs)} ` : '';
        yield { stream: line.stream, data: Buffer.from(`${stamp}${line.text}\n`) };
      }
      if (!options.follow || this.#ended || options.signal.aborted) return;
      await this.#changed(options.signal);
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** RFC 3339 with nine digits, as engines write it. */
function nanoTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '000000Z');
}
