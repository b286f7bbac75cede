/**
 * What a user's own dimension is asked, and answers; the same over HTTP and to a module. It keeps nothing: Berth says
 * each time which pieces are held, so what was released is simply no longer there.
 */
import { asArray, isArray, isObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';

export const protocol = 'berth.dev/dimension/v1';

/** Nodes in one question; more are asked in several. */
export const nodesMax = 500;

/** Of an answer; a longer one is refused. */
export const answerBytesMax = 16 * 1024 * 1024;

export interface Question {
  /** As the instance wrote it. */
  readonly need: JsonValue;
  readonly nodes: readonly AskedNode[];
}

export interface AskedNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What it has of each resource, in the smallest unit: thousandths of a core, bytes, pieces. */
  readonly capacity: Readonly<Record<string, number>>;
  /** The pieces that instances have there now, in no order. */
  readonly held: readonly JsonValue[];
}

export type NodeAnswer = Fitting | Short;

export interface Fitting {
  readonly fits: true;
  /** What the instance would hold; given back as `held`. */
  readonly piece: JsonValue;
  /** How many such instances fit, this one included. */
  readonly count: number;
  /** The part in use afterwards, 0 to 1; absent: not weighed. */
  readonly score?: number;
}

export interface Short {
  readonly fits: false;
  /** `Insufficient licences`; `reason` in the words of the dimension. */
  readonly reason: string;
  readonly asked: number;
  readonly free: number;
  /** With so much more free it fits, with any less it does not. */
  readonly missing: number;
}

export interface Asker {
  /** One answer for each node, in any order. Throws when there is none. */
  ask(question: Question, signal: AbortSignal): Promise<JsonValue>;
  /** Ends what it runs; absent: nothing. */
  close?(): Promise<void>;
}

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** By node; throws `ProtocolError` that names the field. */
export function readAnswers(
  value: JsonValue,
  { nodes }: Question,
  dimension: string,
): ReadonlyMap<string, NodeAnswer> {
  if (!isObject(value) || !isArray(value['nodes'])) throw new ProtocolError('nodes is no list');
  const asked = new Set(nodes.map(({ name }) => name));
  const answers = new Map<string, NodeAnswer>();
  for (const [i, each] of asArray(value['nodes']).entries()) {
    const at = `nodes[${i}]`;
    if (!isObject(each)) throw new ProtocolError(`${at} is no object`);
    const name = each['name'];
    if (typeof name !== 'string' || !asked.has(name)) {
      throw new ProtocolError(`${at}.name is none of those asked about`);
    }
    if (answers.has(name)) throw new ProtocolError(`${at}.name: ${name} is answered twice`);
    answers.set(name, answerOf(each, at, dimension));
  }
  const missing = nodes.find(({ name }) => !answers.has(name));
  if (missing !== undefined) throw new ProtocolError(`nodes: ${missing.name} is not answered`);
  return answers;
}

function answerOf(each: JsonObject, at: string, dimension: string): NodeAnswer {
  const { fits, piece, reason } = each;
  if (fits === true) {
    if (piece === undefined) throw new ProtocolError(`${at}.piece is missing`);
    const count = numberOf(each, 'count', at, 1) ?? 1;
    const score = numberOf(each, 'score', at, 0);
    return { fits, piece, count, ...(score === undefined ? {} : { score: Math.min(1, score) }) };
  }
  if (fits !== false) throw new ProtocolError(`${at}.fits must be true or false`);
  const asked = numberOf(each, 'asked', at, 0) ?? 1;
  const free = numberOf(each, 'free', at, 0) ?? 0;
  const missing = numberOf(each, 'missing', at, 0) ?? Math.max(0, asked - free);
  const words = typeof reason === 'string' ? reason.slice(0, 200) : `Insufficient ${dimension}`;
  return { fits, reason: words, asked, free, missing };
}

function numberOf(each: JsonObject, field: string, at: string, least: number): number | undefined {
  const value = each[field];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= least) return value;
  throw new ProtocolError(`${at}.${field} must be a number of at least ${least}`);
}
