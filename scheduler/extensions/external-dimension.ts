/**
 * A dimension whose answers come from elsewhere. The engine never waits: answers are fetched before a decision, and
 * kept until the node's pieces change; without one a node is refused, with what went wrong as its reason.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { Clock } from '../../lib/clock.ts';
import { underAny } from '../../lib/under-any.ts';
import type { Devices, StructuredDimension } from '../dimensions/dimension.ts';
import type { Shortage } from '../engine/reasons.ts';
import type { NodeRecord, PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { type Asker, type NodeAnswer, nodesMax, type Question, readAnswers } from './protocol.ts';

export interface ExternalOptions {
  /** As pods name it: `dimension.berth.dev/<name>`. */
  readonly name: string;
  readonly asker: Asker;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface Preparing {
  /** Answers that were fresh at that time will do; absent: now. */
  readonly atMs?: number;
}

interface Signalled {
  readonly signal: AbortSignal;
}

/** Answers that a node keeps: by need, and by what was held. */
const answersMax = 64;

/** Answers may depend on more than is held on the node: older ones are fetched again. */
const freshMs = 5_000;

/** After a failure nobody asks for so long, and for twice as long after each further one. */
const restMs = { first: 1_000, most: 30_000 } as const;

export class ExternalDimension implements StructuredDimension {
  readonly type = 'structured';
  readonly name: string;
  readonly #options: ExternalOptions;
  #failure:
    | { readonly text: string; readonly untilMs: number; readonly restMs: number }
    | undefined;

  constructor(options: ExternalOptions) {
    this.name = options.name;
    this.#options = options;
  }

  parse: StructuredDimension['parse'] = ({ custom }) => custom?.[this.name];

  /** Any JSON may be a piece. */
  read = (stored: JsonValue): JsonValue => stored;

  create = (record: NodeRecord): Devices => new Table(record, this.name, () => this.#failure?.text);

  /** It is not asked any more. */
  async close(): Promise<void> {
    await this.#options.asker.close?.();
  }

  /** Whether `prepare` would ask somebody. */
  lacks(snapshot: Snapshot, need: JsonValue, { atMs }: Preparing): boolean {
    return !this.#rests && this.#unknown(snapshot, JSON.stringify(need), atMs).length > 0;
  }

  /** Fetches what is not known about a need. A failure is the reason of the nodes, until the next time. */
  async prepare(
    snapshot: Snapshot,
    need: JsonValue,
    { signal, atMs }: Preparing & Signalled,
  ): Promise<void> {
    const { timeoutMs } = this.#options;
    const key = JSON.stringify(need);
    const unknown = this.#unknown(snapshot, key, atMs);
    if (unknown.length === 0 || this.#rests) return;
    const late = AbortSignal.timeout(timeoutMs);
    // All is asked about as it is at this moment, whatever changes while answers are waited for.
    const asked = unknown.map(({ table }) => ({ table, held: table.held, node: table.asked() }));
    const ask = async (any: AbortSignal) => {
      for (let i = 0; i < asked.length; i += nodesMax) {
        await this.#ask(need, key, asked.slice(i, i + nodesMax), any);
      }
    };
    try {
      await underAny([signal, late], ask);
      this.#failure = undefined;
    } catch (error) {
      if (signal.aborted) return;
      // An old answer is none.
      for (const { table } of unknown) table.forget(key);
      this.#fail(late.aborted ? `no answer within ${timeoutMs / 1000} s` : textOf(error));
    }
    // Whoever keeps costs and reasons has to look again.
    for (const { index, table } of unknown) {
      if (snapshot.devicesAt(this.name, index) === table) snapshot.log.note(index);
    }
  }

  /** Nodes whose answer is missing, or was old at that time. */
  #unknown(snapshot: Snapshot, key: string, atMs = this.#options.clock.now()) {
    return snapshot.order.indices().flatMap((index) => {
      const table = snapshot.devicesAt(this.name, index);
      return table instanceof Table && !table.knows(key, atMs - freshMs) ? [{ index, table }] : [];
    });
  }

  get #rests(): boolean {
    return this.#failure !== undefined && this.#options.clock.now() < this.#failure.untilMs;
  }

  async #ask(
    need: JsonValue,
    key: string,
    asked: readonly Asked[],
    signal: AbortSignal,
  ): Promise<void> {
    const question: Question = { need, nodes: asked.map(({ node }) => node) };
    const value = await Promise.race([this.#options.asker.ask(question, signal), aborted(signal)]);
    const answers = readAnswers(value, question, this.name);
    for (const { table, held, node } of asked) {
      const answer = answers.get(node.name);
      if (answer !== undefined) table.learn(key, held, answer, this.#options.clock.now());
    }
  }

  #fail(text: string): void {
    const { clock } = this.#options;
    const rest = Math.min(restMs.most, (this.#failure?.restMs ?? restMs.first / 2) * 2);
    this.#failure = { text, untilMs: clock.now() + rest, restMs: rest };
  }
}

/** A node as it was when it was asked about. */
interface Asked {
  readonly table: Table;
  readonly held: string;
  readonly node: Question['nodes'][number];
}

/** Whether a request asks anything of users' own dimensions. */
export function asksOthers(request: PlacementRequest, { dimensions }: Snapshot): boolean {
  return request.parts.some(
    ({ dimension }) => dimensions.structured.get(dimension) instanceof ExternalDimension,
  );
}

/** Whether `prepareFor` would ask somebody. */
export function lacksAnswers(
  request: PlacementRequest,
  snapshot: Snapshot,
  preparing: Preparing,
): boolean {
  return request.parts.some(({ dimension, need }) => {
    const known = snapshot.dimensions.structured.get(dimension);
    return known instanceof ExternalDimension && known.lacks(snapshot, need, preparing);
  });
}

/**
 * Fetches what a decision about the request needs: all questions are about the snapshot as it is when this is called.
 * Never rejects but when `signal` aborts.
 */
export async function prepareFor(
  request: PlacementRequest,
  snapshot: Snapshot,
  preparing: Preparing & Signalled,
): Promise<void> {
  const all = request.parts.map(async ({ dimension, need }) => {
    const known = snapshot.dimensions.structured.get(dimension);
    if (known instanceof ExternalDimension) await known.prepare(snapshot, need, preparing);
  });
  await Promise.all(all);
  preparing.signal.throwIfAborted();
}

/** Rejects then: who asks need not rely on who is asked to look at its signal. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`;
}

/** One node. */
class Table implements Devices {
  readonly node: NodeRecord;
  readonly #dimension: string;
  readonly #failure: () => string | undefined;
  /** By its JSON, how often each piece is held. */
  readonly #held = new Map<string, number>();
  readonly #answers = new Map<string, { readonly answer: NodeAnswer; readonly atMs: number }>();
  #heldKey: string | undefined;

  constructor(node: NodeRecord, dimension: string, failure: () => string | undefined) {
    this.node = node;
    this.#dimension = dimension;
    this.#failure = failure;
  }

  /** Whether it has an answer of that time or later. */
  knows(key: string, sinceMs: number): boolean {
    const known = this.#answers.get(`${key} ${this.held}`);
    return (known?.atMs ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  forget(key: string): void {
    this.#answers.delete(`${key} ${this.held}`);
  }

  /** All that is held, as one text: an answer is about it. */
  get held(): string {
    this.#heldKey ??= JSON.stringify([...this.#held].sort(([a], [b]) => (a < b ? -1 : 1)));
    return this.#heldKey;
  }

  learn(key: string, held: string, answer: NodeAnswer, atMs: number): void {
    const name = `${key} ${held}`;
    this.#answers.delete(name);
    this.#answers.set(name, { answer, atMs });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= answersMax) return;
      this.#answers.delete(oldest);
    }
  }

  asked(): Question['nodes'][number] {
    const { name, labels, capacity } = this.node;
    const held = [...this.#held].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      name,
      labels,
      capacity: Object.fromEntries(capacity.map(({ resource, amount }) => [resource, amount])),
      held: held.flatMap(([piece, times]) => Array<JsonValue>(times).fill(JSON.parse(piece))),
    };
  }

  fits(need: JsonValue): boolean {
    return this.#answer(need)?.fits === true;
  }

  count(need: JsonValue): number {
    const answer = this.#answer(need);
    return answer?.fits === true ? answer.count : 0;
  }

  allocate(need: JsonValue): JsonValue {
    const answer = this.#answer(need);
    return answer?.fits === true ? answer.piece : null;
  }

  /** Bound by somebody else: nobody knows what it holds. */
  implied(): JsonValue {
    return null;
  }

  take(piece: JsonValue): void {
    this.#change(piece, 1);
  }

  release(piece: JsonValue): void {
    this.#change(piece, -1);
  }

  score(need: JsonValue): number | undefined {
    const answer = this.#answer(need);
    return answer?.fits === true ? answer.score : undefined;
  }

  explain(need: JsonValue): Shortage | undefined {
    const answer = this.#answer(need);
    if (answer?.fits === true) return undefined;
    const common = {
      type: 'shortage',
      dimension: this.#dimension,
      resource: this.#dimension,
    } as const;
    if (answer !== undefined) {
      const { reason, asked, free, missing } = answer;
      const text = { asked: String(asked), free: String(free), missing: String(missing) };
      return { ...common, reason, asked, free, missing, text };
    }
    const why = this.#failure() ?? 'it was not asked yet';
    return {
      ...common,
      reason: `dimension ${this.#dimension} gives no answer: ${why}`,
      asked: 1,
      free: 0,
      missing: 1,
      text: { asked: JSON.stringify(need), free: 'unknown' },
      remedy: `bring what answers for the dimension ${this.#dimension} back, to know`,
    };
  }

  #answer(need: JsonValue): NodeAnswer | undefined {
    return this.#answers.get(`${JSON.stringify(need)} ${this.held}`)?.answer;
  }

  #change(piece: JsonValue, by: 1 | -1): void {
    if (piece === null) return;
    const key = JSON.stringify(piece);
    const left = (this.#held.get(key) ?? 0) + by;
    if (left > 0) this.#held.set(key, left);
    else this.#held.delete(key);
    this.#heldKey = undefined;
  }
}
