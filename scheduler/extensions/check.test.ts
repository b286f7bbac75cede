import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import { checkDimension } from './check.ts';
import type { AskedNode, Asker, Question } from './protocol.ts';

const node: AskedNode = { name: 'n', labels: {}, capacity: {}, held: [] };

/** Two seats; one thing about it is wrong. */
function seats(
  more: (answer: Record<string, JsonValue>, question: Question) => object = () => ({}),
) {
  return ({ need, nodes }: Question) => ({
    nodes: nodes.map(({ name, held }) => {
      const free = 2 - held.length;
      const fits = need === 1 && free > 0;
      const answer = fits
        ? { name, fits, piece: held.includes('a') ? 'b' : 'a', count: free }
        : { name, fits, reason: 'no seat', asked: 1, free: 0, missing: 1 };
      return { ...answer, ...more(answer, { need, nodes }) };
    }),
  });
}

/** As over a wire, but in this thread. */
function askerOf(allocate: (question: Question) => unknown): Asker {
  const answered = async (question: Question): Promise<JsonValue> =>
    JSON.parse(JSON.stringify((await allocate(structuredClone(question))) ?? null));
  return {
    ask: (question, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        answered(question).then(resolve, reject);
      }),
  };
}

async function wrongRules(allocate: (question: Question) => unknown, timeoutMs = 1_000) {
  const findings = await checkDimension({
    asker: askerOf(allocate),
    need: 1,
    node,
    timeoutMs,
  });
  return findings.flatMap(({ rule, wrong }) => (wrong === undefined ? [] : [`${rule}: ${wrong}`]));
}

describe('the check of a dimension', () => {
  it('finds nothing wrong with one that is right', async () => {
    expect(await wrongRules(seats())).toEqual([]);
  });

  let calls = 0;
  it.each([
    ['forgets a node', () => ({ nodes: [] }), 'n is not answered'],
    ['speaks another language', () => 'yes', 'nodes is no list'],
    [
      'counts wrongly',
      seats(({ fits }) => (fits ? { count: 7 } : {})),
      'count was 7, but 2 fitted',
    ],
    [
      'keeps something itself',
      seats(({ fits }) => (fits ? { piece: `${calls++}` } : {})),
      'two answers differ',
    ],
    [
      'looks at the other nodes',
      seats(({ fits }, { nodes }) => (fits ? { score: nodes.length / 10 } : {})),
      'the answer depends on the other nodes',
    ],
    [
      'misses nothing',
      seats(({ fits }) => (fits ? {} : { missing: 0 })),
      'missing must be more than 0',
    ],
    [
      'fits whatever is asked',
      seats(({ name, fits }) => (fits ? {} : { name, fits: true, piece: 'x' })),
      'makes no sense fits',
    ],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
  ])('finds one that %s', async (_, allocate, words) => {
    expect((await wrongRules(allocate)).join('\n')).toContain(words);
  });

  it('does not wait for one that does not answer', async () => {
    const wrong = await wrongRules(() => new Promise(() => {}), 20);
    expect(wrong[0]).toContain('no answer within 0.02 s');
  });
});
