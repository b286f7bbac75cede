import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * Lets a client speak only while everyone can take what it says. One who cannot holds up all of
 * that client's streams: the protocols have no other way to make it wait.
 */
export class Backpressure {
  readonly #client: WebSocket;
  readonly #blocked = new Set<unknown>();

  constructor(client: WebSocket) {
    this.#client = client;
  }

  /** Until `release`; may be called again with the same `reason`. */
  hold(reason: unknown): void {
    this.#blocked.add(reason);
    this.#client.pause();
  }

  release(reason: unknown): void {
    this.#blocked.delete(reason);
    if (this.#blocked.size === 0) this.#client.resume();
  }

  /** Writes unless `target` takes no more, and holds the client until it has been taken. */
  write(target: Writable, data: Uint8Array): void {
    if (!target.writable || target.write(data) || this.#blocked.has(target)) return;
    this.hold(target);
    const release = () => {
      target.off('drain', release);
      target.off('close', release);
      this.release(target);
    };
    target.on('drain', release);
    target.on('close', release);
  }
}
