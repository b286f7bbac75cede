/**
 * How long each node has been silent, by this process's own count of time: never by comparing clocks
 * of two machines, and not by the clock of this one either, which may be set or stand still. Time in
 * which nobody looked (a sleeping process) does not count.
 */
export class Heartbeats {
  readonly #stepMaxMs: number;
  readonly #nodes = new Map<string, Heard>();
  #elapsedMs = 0;
  #lastMs: number | undefined;

  /** Two looks are at most `stepMaxMs` of counted time apart. */
  constructor(stepMaxMs: number) {
    this.#stepMaxMs = stepMaxMs;
  }

  /** Counted time since the start. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** Begins a look at all nodes. */
  tick(nowMs: number): void {
    const stepMs = nowMs - (this.#lastMs ?? nowMs);
    this.#elapsedMs += Math.min(Math.max(stepMs, 0), this.#stepMaxMs);
    this.#lastMs = nowMs;
  }

  /** `sign` is whatever the node changes with each beat; a new one is a beat. */
  hear(node: string, sign: string): void {
    if (this.#nodes.get(node)?.sign === sign) return;
    this.#nodes.set(node, { sign, atMs: this.#elapsedMs });
  }

  /** 0 for a node that was never looked at. */
  silentMs(node: string): number {
    return this.#elapsedMs - (this.#nodes.get(node)?.atMs ?? this.#elapsedMs);
  }

  /** Nothing could be heard for a while: everybody gets the full time again. */
  startOver(): void {
    for (const [node, heard] of this.#nodes) {
      this.#nodes.set(node, { ...heard, atMs: this.#elapsedMs });
    }
  }

  keepOnly(nodes: ReadonlySet<string>): void {
    for (const node of this.#nodes.keys()) if (!nodes.has(node)) this.#nodes.delete(node);
  }
}

interface Heard {
  readonly sign: string;
  /** In counted time. */
  readonly atMs: number;
}
