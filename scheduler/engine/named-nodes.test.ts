import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeTerm } from '../../api/node-fit.ts';
import { Engine } from './engine.ts';
import { namedNodes } from './named-nodes.ts';
import type { PlacementRequest } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { naive, node, request } from './testing.ts';

const named = (...values: string[]): NodeTerm => ({
  labels: [],
  fields: [{ key: 'metadata.name', operator: 'in', values }],
});
const ssd = { key: 'disk', operator: 'in' as const, values: ['ssd'] };
const nothing: NodeTerm = { labels: [], fields: [] };
const on = (name: string) => ({ volumesOn: [{ volume: 'data', node: name }] });

describe('the nodes that a request names', () => {
  it.each<[string, Partial<PlacementRequest>, readonly string[] | undefined]>([
    ['none', {}, undefined],
    ['those of all terms', { nodeAffinity: [named('b', 'a'), named('b')] }, ['a', 'b']],
    ['also with labels', { nodeAffinity: [{ ...named('a'), labels: [ssd] }] }, ['a']],
    [
      'not where a term allows others',
      { nodeAffinity: [named('a'), { labels: [ssd], fields: [] }] },
      undefined,
    ],
    ['nobody by a term that holds nowhere', { nodeAffinity: [nothing] }, []],
    ['that of its Volume', { nodeAffinity: [named('a', 'b')], ...on('a') }, ['a']],
  ])('%s', (_, more, names) => {
    expect(namedNodes(request('u', {}, more))).toEqual(names);
  });

  it('are not told where they are very many', () => {
    const names = Array.from({ length: 65 }, (_, i) => `n${i}`);
    expect(namedNodes(request('u', {}, { nodeAffinity: [named(...names)] }))).toBeUndefined();
  });
});

const name = fc.integer({ min: 0, max: 19 }).map((i) => `n${i}`);
const term = fc
  .record({
    names: fc.array(name, { maxLength: 4 }),
    operator: fc.constantFrom('in' as const, 'in' as const, 'in' as const, 'notin' as const),
    labels: fc.constantFrom([], [], [ssd]),
  })
  .map(({ names: values, operator, labels }): NodeTerm => {
    return { labels, fields: [{ key: 'metadata.name', operator, values }] };
  });
const peer = { namespace: 'default', labels: { app: 'a' } };
const labels = [{ key: 'app', operator: 'in' as const, values: ['a'] }];
const apart = { selectors: [{ namespaces: ['default'], labels }], topologyKey: 'disk' };
const peerRules = { near: [], away: [apart], wishes: [], spread: [] };

const asked = fc
  .record({
    cpu: fc.constantFrom(100, 1000, 3000),
    gpuMilli: fc.constantFrom(0, 0, 400, 2000),
    owner: fc.constantFrom('a', 'b', undefined),
    strategy: fc.constantFrom('Spread', 'Pack', 'Global'),
    nodeAffinity: fc.array(term, { minLength: 1, maxLength: 2 }),
    volumesOn: fc.option(
      name.map((node) => [{ volume: 'data', node }]),
      { nil: undefined },
    ),
    rules: fc.constantFrom({}, {}, {}, { peer }, { peer, peerRules }),
  })
  .map(({ cpu, volumesOn, rules, ...more }) => {
    const lying = volumesOn === undefined ? {} : { volumesOn };
    return (uid: string) => request(uid, { cpu }, { ...more, ...lying, ...rules });
  });

it('it goes to the one that looking at every node finds', () => {
  let placed = 0;
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 60 }), (all) => {
      const engine = new Engine(new Snapshot());
      const { snapshot } = engine;
      for (let i = 0; i < 20; i += 1) {
        const more = { labels: { disk: i % 3 === 0 ? 'ssd' : 'hdd' }, gpus: ['T4', 'T4'] };
        snapshot.upsertNode(node(`n${i}`, { cpu: 2000 + 1000 * (i % 4) }, more));
      }
      for (const [i, ask] of all.entries()) {
        const one = ask(`u${i}`);
        while (!engine.prepare(one));
        const decision = engine.place(one);
        expect(decision?.node).toBe(naive(snapshot, one));
        if (decision === undefined) continue;
        placed += 1;
        snapshot.assume(one, decision.node, decision.allocation);
        if (i % 5 === 4) snapshot.release(`u${i - 2}`);
        if (i % 17 === 16) snapshot.removeNode(`n${i % 20}`);
      }
    }),
    { numRuns: 100 },
  );
  expect(placed).toBeGreaterThan(100);
});
