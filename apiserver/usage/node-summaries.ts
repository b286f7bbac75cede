/** What nodes say they use: asked when somebody wants to know, kept for a few seconds. */
import { asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { StatsSummary } from '../../api/stats-summary.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';

/** A node that has not answered by then is left out; an agent may take a second to measure. */
const answerMs = 5_000;
/** An answer, or the lack of one, is told for so long. */
const keptMs = 5_000;
/** Nodes asked at once. */
const concurrency = 32;

export interface NodeSummariesOptions {
  /** Asks the agent of a Node object for the body of `/stats/summary`. */
  readonly ask: (node: JsonObject, signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Known {
  readonly askedAtMs: number;
  readonly summary: Promise<StatsSummary | undefined>;
}

export class NodeSummaries {
  readonly #options: NodeSummariesOptions;
  /** At most one entry per node that was asked within `keptMs`. */
  readonly #known = new Map<string, Known>();

  constructor(options: NodeSummariesOptions) {
    this.#options = options;
  }

  /** By name; nodes that do not answer are missing. */
  async of(nodes: readonly JsonObject[]): Promise<ReadonlyMap<string, StatsSummary>> {
    this.#forgetOld();
    const found = new Map<string, StatsSummary>();
    const waiting = [...nodes];
    const worker = async () => {
      for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
        const name = asString(at(node, 'metadata', 'name'));
        const summary = await this.#summary(name, node);
        if (summary !== undefined) found.set(name, summary);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return found;
  }

  #summary(name: string, node: JsonObject): Promise<StatsSummary | undefined> {
    const known = this.#known.get(name);
    if (known !== undefined) return known.summary;
    const summary = this.#ask(name, node);
    this.#known.set(name, { askedAtMs: this.#options.clock.now(), summary });
    return summary;
  }

  /** Not given up with the client that asked first: others may wait for the same answer. */
  async #ask(name: string, node: JsonObject): Promise<StatsSummary | undefined> {
    const { ask, log } = this.#options;
    try {
      const body = await ask(node, AbortSignal.timeout(answerMs));
      // Written by our own agent, over a connection that proves it.
      return JSON.parse(body) as StatsSummary;
    } catch (error) {
      log.debug({ err: error, node: name }, 'node did not tell its usage');
      return undefined;
    }
  }

  #forgetOld(): void {
    const nowMs = this.#options.clock.now();
    for (const [name, { askedAtMs }] of this.#known)
      if (Math.abs(nowMs - askedAtMs) >= keptMs) this.#known.delete(name);
  }
}
