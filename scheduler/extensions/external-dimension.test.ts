import { expect, test } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import { FakeClock } from '../../lib/clock.ts';
import { withDimensions } from '../dimensions/built-in.ts';
import { Engine } from '../engine/engine.ts';
import { withClassKey } from '../engine/request.ts';
import { Snapshot } from '../engine/snapshot.ts';
import { node, request } from '../engine/testing.ts';
import { ExternalDimension, prepareFor } from './external-dimension.ts';
import type { Asker } from './protocol.ts';

const { signal } = new AbortController();
const { classKey: _, ...plain } = request('asking');
const asking = withClassKey({ ...plain, parts: [{ dimension: 'seats', need: 1 }] });

function worldOf(asker: Asker) {
  const clock = new FakeClock();
  const seats = new ExternalDimension({ name: 'seats', asker, timeoutMs: 20, clock });
  const engine = new Engine(new Snapshot(withDimensions([seats])));
  engine.snapshot.upsertNode(node('n1'));
  const decide = async () => {
    await prepareFor(asking, engine.snapshot, { signal });
    const decision = engine.schedule(asking);
    if (decision.type === 'placed') return decision.allocation;
    return decision.reasons.classes[0]?.obstacles.map(({ reason }) => reason).join();
  };
  return { clock, engine, decide };
}

const answer = (entry: JsonValue) => async () => ({ nodes: [entry] });
const never = () => new Promise<never>(() => {});
const fine = { name: 'n1', fits: true, piece: 'one' };

test.each<[string, Asker['ask'], RegExp]>([
  ['throws', () => Promise.reject(new Error('no seats file')), /gives no answer: no seats file$/],
  ['hangs', never, /gives no answer: no answer within 0.02 s$/],
  ['answers nothing', async () => null, /nodes is no list$/],
  ['answers text', async () => 'yes', /nodes is no list$/],
  ['answers another list', async () => ({ nodes: 'n1' }), /nodes is no list$/],
  ['leaves a node out', async () => ({ nodes: [] }), /nodes: n1 is not answered$/],
  ['answers twice', async () => ({ nodes: [fine, fine] }), /n1 is answered twice$/],
  ['answers for another', answer({ ...fine, name: 'n2' }), /name is none of those asked about$/],
  ['does not say', answer({ name: 'n1' }), /nodes\[0\].fits must be true or false$/],
  ['gives nothing', answer({ name: 'n1', fits: true }), /nodes\[0\].piece is missing$/],
  ['counts below one', answer({ ...fine, count: 0 }), /nodes\[0\].count must be a number/],
  ['scores text', answer({ ...fine, score: 'high' }), /nodes\[0\].score must be a number/],
])('a program that %s refuses those that ask it, and nobody else', async (_what, ask, why) => {
  const { engine, decide } = worldOf({ ask });
  expect(await decide()).toMatch(why);
  expect(engine.schedule(request('other'))).toMatchObject({ type: 'placed', node: 'n1' });
});

test('after a failure it is left alone for a while, twice as long each time, and then it counts again', async () => {
  let asked = 0;
  let works = false;
  const { clock, decide } = worldOf({
    ask: async () => {
      asked += 1;
      if (!works) throw new Error('down');
      return { nodes: [fine] };
    },
  });
  for (const [waitMs, times] of [
    [0, 1],
    [999, 1],
    [1, 2],
    [1_999, 2],
    [1, 3],
  ] as const) {
    await clock.advance(waitMs);
    expect(await decide()).toMatch(/down/);
    expect(asked).toBe(times);
  }
  works = true;
  await clock.advance(4_000);
  expect(await decide()).toEqual({ seats: 'one' });
});
