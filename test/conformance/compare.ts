/** How a recorded answer and this server's differ. */
import type { Bindings } from './bindings.ts';
import { symbolPattern } from './bindings.ts';
import { isObject, type Json } from './json-path.ts';
import type { Step } from './scenario.ts';

export interface Difference {
  readonly at: string;
  readonly want?: Json;
  readonly got?: Json;
  readonly why: string;
}

/** `wording` is called for messages of failures that differ, which is no difference in itself. */
export function compareStep(
  step: Step,
  got: Json,
  bindings: Bindings,
  wording: (want: string, got: string) => void,
): Difference[] {
  const recorded = step.expect;
  if (recorded === undefined) return [{ at: '', why: 'nothing was recorded' }];
  const differences: Difference[] = [];
  const compare = new Comparison(bindings, differences);
  if (step.cmd !== undefined) {
    compare.values(recorded, got, '', false);
    return differences;
  }
  const [want, have] = reduced(step, recorded, got, bindings, wording);
  const { body, values, ...head } = want;
  const { body: gotBody, values: gotValues, ...gotHead } = have;
  compare.values(head, gotHead, '', false);
  if (values !== undefined) compare.values(values, gotValues, 'values', false);
  if (body !== undefined) compare.values(body, gotBody, 'body', step.compare === 'subset');
  return differences;
}

export function isFailure(value: Json): boolean {
  return isObject(value) && value['kind'] === 'Status' && value['status'] === 'Failure';
}

export function brief(value: Json): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  return text.length > 220 ? `${text.slice(0, 217)}...` : text;
}

function reduced(
  step: Step,
  want: Json,
  got: Json,
  bindings: Bindings,
  wording: (want: string, got: string) => void,
): [Json, Json] {
  if (step.compare === 'exact') return [want, got];
  if (isFailure(want.body) && isFailure(got.body)) {
    const { message } = want.body;
    const told = String(got.body.message);
    if (message !== undefined && bindings.mismatch(message, told) !== undefined)
      wording(message, told);
  }
  const [left, right] = [withoutWords(want), withoutWords(got)];
  if (step.compare !== 'status' || !isFailure(left.body) || !isObject(right.body))
    return [left, right];
  const key = ({ reason, code, details }: Json) => ({ reason, code, causes: details?.causes });
  return [
    { ...left, body: key(left.body) },
    { ...right, body: key(right.body) },
  ];
}

/** Of failures their reason, code and causes count; the wording does not. */
function withoutWords(answer: Json): Json {
  const out = { ...answer };
  if (out.body !== undefined) out.body = wordless(out.body);
  if (out.events !== undefined) {
    out.events = out.events.map((event: Json) =>
      event.type === 'ERROR' ? { ...event, object: wordless(event.object) } : event,
    );
  }
  return out;
}

function wordless(value: Json): Json {
  if (!isFailure(value)) return value;
  const copy = structuredClone(value);
  delete copy.message;
  if (copy.details?.causes !== undefined) {
    copy.details.causes = copy.details.causes
      .map(({ field, reason }: Json) => ({ field, reason }))
      .sort((a: Json, b: Json) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return copy;
}

class Comparison {
  readonly #bindings: Bindings;
  readonly #found: Difference[];

  constructor(bindings: Bindings, found: Difference[]) {
    this.#bindings = bindings;
    this.#found = found;
  }

  /** `subset`: what was not recorded does not count. */
  values(want: Json, got: Json, at: string, subset: boolean): void {
    if (typeof want === 'string' && typeof got === 'string') {
      const why = this.#bindings.mismatch(want, got);
      if (why !== undefined) this.#found.push({ at, want, got, why });
    } else if (Array.isArray(want) && Array.isArray(got)) this.#lists(want, got, at, subset);
    else if (isObject(want) && isObject(got)) this.#objects(want, got, at, subset);
    else if (want !== got) this.#found.push({ at, want, got, why: 'differs' });
  }

  #lists(want: readonly Json[], got: readonly Json[], at: string, subset: boolean): void {
    if (want.length !== got.length) this.#found.push({ at, want, got, why: 'length' });
    for (let i = 0; i < Math.min(want.length, got.length); i += 1)
      this.values(want[i], got[i], `${at}[${i}]`, subset);
  }

  #objects(want: Record<string, Json>, got: Record<string, Json>, at: string, subset: boolean) {
    const spare = new Set(Object.keys(got).filter((key) => !(key in want)));
    for (const key of Object.keys(want)) {
      const name = key in got ? key : this.#namesake(key, spare);
      if (name === undefined)
        this.#found.push({ at: join(at, key), want: want[key], why: 'missing' });
      else {
        spare.delete(name);
        this.values(want[key], got[name], join(at, key), subset);
      }
    }
    if (subset) return;
    for (const key of spare) this.#found.push({ at: join(at, key), got: got[key], why: 'extra' });
  }

  /** A key that holds a uid stands under this server's uid. */
  #namesake(key: string, spare: ReadonlySet<string>): string | undefined {
    if (key.match(symbolPattern) === null) return undefined;
    return [...spare].find((each) => this.#bindings.mismatch(key, each) === undefined);
  }
}

function join(at: string, key: string): string {
  if (!/^[\w$/-]+$/.test(key)) return `${at}["${key}"]`;
  return at === '' ? key : `${at}.${key}`;
}
