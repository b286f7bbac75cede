import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { NodeSummaries } from './node-summaries.ts';

const node = (name: string) => ({ metadata: { name } });

test('asks each node once within the time an answer is kept; the silent one is left out', async () => {
  const clock = new FakeClock();
  const asked: string[] = [];
  const summaries = new NodeSummaries({
    clock,
    log: silentLog,
    ask: async ({ metadata }) => {
      const name = String((metadata as { name?: string }).name);
      asked.push(name);
      if (name === 'dead') throw new Error('nobody there');
      return JSON.stringify({ node: { nodeName: name }, pods: [] });
    },
  });
  const nodes = [node('a'), node('dead'), node('b')];
  const [first, second] = await Promise.all([summaries.of(nodes), summaries.of(nodes)]);
  expect([...first.keys()].sort()).toEqual(['a', 'b']);
  expect(second.get('a')).toEqual({ node: { nodeName: 'a' }, pods: [] });
  expect([...asked].sort()).toEqual(['a', 'b', 'dead']);
  await clock.advance(5_000);
  await summaries.of([node('a')]);
  expect(asked).toHaveLength(4);
});

test('never asks more than 32 nodes at once', async () => {
  let [under, most] = [0, 0];
  const summaries = new NodeSummaries({
    clock: new FakeClock(),
    log: silentLog,
    ask: async () => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setTimeout(resolve, 1));
      under -= 1;
      return '{}';
    },
  });
  const many = Array.from({ length: 100 }, (_, i) => node(`n${i}`));
  expect((await summaries.of(many)).size).toBe(100);
  expect(most).toBe(32);
});
