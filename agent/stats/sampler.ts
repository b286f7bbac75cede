/** Samples usage while somebody asks; costs nothing when nobody does. */
import type { StatsSummary } from '../../api/stats-summary.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { NodeUsage } from './node-usage.ts';
import { type Sample, summaryOf } from './summary.ts';

/** A sample is told so long before another is taken. */
const freshMs = 10_000;
/** CPU is not measured over more than this: whoever asks wants to know about now. */
const windowMaxMs = 90_000;
/** The window when nobody has asked for long: the asker waits for it. */
const windowMinMs = 1_000;

export interface SamplerOptions {
  readonly nodeName: string;
  readonly runtimes: readonly Runtime[];
  readonly clock: Clock;
  readonly readNode: () => Promise<NodeUsage>;
  /** Of the agent; who asks may leave earlier without harm to others. */
  readonly signal: AbortSignal;
}

export class UsageSampler {
  readonly #options: SamplerOptions;
  #before: Sample | undefined;
  #newest: Sample | undefined;
  #pending: Promise<void> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Usage now, with CPU over the last seconds; at most one measurement is under way at a time. */
  async summary(): Promise<StatsSummary> {
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
    const { nodeName } = this.#options;
    if (this.#newest === undefined) throw new Error('no sample of usage was taken');
    return summaryOf(nodeName, this.#before, this.#newest);
  }

  async #refresh(): Promise<void> {
    const { clock, signal } = this.#options;
    const age = (sample: Sample | undefined) =>
      sample === undefined ? Number.POSITIVE_INFINITY : Math.abs(clock.now() - sample.atMs);
    if (age(this.#newest) < freshMs && this.#before !== undefined) return;
    if (age(this.#newest) > windowMaxMs) {
      this.#newest = await this.#take({ signal });
      await clock.sleep(windowMinMs, signal);
    }
    const taken = await this.#take({ signal });
    this.#before = this.#newest;
    this.#newest = taken;
  }

  async #take(options: CallOptions): Promise<Sample> {
    const { runtimes, clock, readNode } = this.#options;
    const [node, ...instances] = await Promise.all([
      readNode(),
      ...runtimes.map((runtime) => runtime.stats(options)),
    ]);
    return { atMs: clock.now(), node, instances: instances.flat() };
  }
}
