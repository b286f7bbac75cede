import { describe, expect, it } from 'vitest';
import { Engine } from './engine.ts';
import type { PlacementRequest } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { node, request } from './testing.ts';

const nodeCount = 1_300;

/** Nodes with room for four of 1,000. */
function engineOf(nodes = nodeCount): Engine {
  const engine = new Engine(new Snapshot());
  for (let i = 0; i < nodes; i += 1) {
    engine.snapshot.upsertNode(node(`n${i}`, { cpu: 4_000 }, { labels: { host: `n${i}` } }));
  }
  return engine;
}

type Parts = ReturnType<Engine['placeInParts']>;

/** How many parts there were; `between` happens after each. */
function partsOf(parts: Parts, between: (part: number) => void = () => undefined) {
  for (let count = 1; ; count += 1) {
    const part = parts.next();
    if (part.done === true) return { count, placed: part.value };
    between(count);
  }
}

const many = (count: number, more: Partial<PlacementRequest> = {}) =>
  Array.from({ length: count }, (_, i) =>
    request(`p${i}`, { cpu: 1_000 }, { owner: 'web', ...more }),
  );

describe('many that are placed in parts', () => {
  it('are laid out a batch at a time', () => {
    const engine = engineOf();
    const [first] = many(1);
    while (first !== undefined && !engine.prepare(first));
    const { count } = partsOf(engine.placeInParts(many(1_000)));
    expect(count).toBe(4);
  });

  it('that may mean a look at all nodes come one by one', () => {
    const engine = engineOf(20);
    engine.placeBatch(many(20));
    const more = many(30).slice(20);
    const { count, placed } = partsOf(engine.placeInParts(more));
    expect(count).toBe(10);
    const whole = engineOf(20);
    whole.placeBatch(many(20));
    expect(placed).toEqual(whole.placeBatch(more));
  });

  it('stay where somebody else has placed them meanwhile, and heed what changes', () => {
    const engine = engineOf(4);
    const { snapshot } = engine;
    engine.placeBatch(many(4));
    const more = many(10).slice(4);
    const { placed } = partsOf(engine.placeInParts(more), (part) => {
      if (part === 1) snapshot.assume(request('p6', { cpu: 1_000 }), 'n0', {});
      if (part === 2) snapshot.removeNode('n3');
      if (part === 2) snapshot.upsertNode(node('new', { cpu: 1_000 }));
    });
    expect(placed.map((each) => each?.node)).toEqual(['n0', 'n1', 'n0', 'new', 'n2', 'n1']);
    expect(snapshot.nodeOf('p6')).toBe('n0');
  });

  it('have an index built in parts where their order turns out to be of no use', () => {
    const engine = engineOf();
    const labels = [{ key: 'app', operator: 'in' as const, values: ['a'] }];
    const apart = { selectors: [{ namespaces: ['default'], labels }], topologyKey: 'host' };
    const peerRules = { near: [], away: [apart], wishes: [], spread: [] };
    const peer = { namespace: 'default', labels: { app: 'a' } };
    const asked = (uid: string, cpu = 1_000) => request(uid, { cpu }, { peer, peerRules });
    const full = Array.from({ length: 1_100 }, (_, i) => asked(`old${i}`, 1));
    for (const [i, each] of full.entries()) engine.snapshot.assume(each, `n${i}`, {});
    // On all other nodes is less free, so that those come last.
    for (let i = 1_100; i < nodeCount; i += 1) {
      engine.snapshot.assume(request(`big${i}`, { cpu: 2_000 }), `n${i}`, {});
    }
    while (!engine.prepare(asked('new')));
    const { count, placed } = partsOf(engine.placeInParts([asked('new')]));
    expect(placed.map((each) => each?.node)).toEqual(['n1100']);
    expect(count).toBeGreaterThan(2);
  });
});
