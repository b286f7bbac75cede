import { describe, expect, it } from 'vitest';
import { Engine } from './engine.ts';
import type { PlacementRequest } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { naive, node, request } from './testing.ts';

/** More than are weighed in one part. */
const nodeCount = 1300;

function nodeAt(i: number, zones: number) {
  const labels = { host: `n${i}`, zone: `z${i % zones}`, disk: i % 3 === 0 ? 'ssd' : 'hdd' };
  return node(`n${i}`, { cpu: 4000 + 1000 * (i % 4) }, { labels });
}

function engineWith(zones: number): Engine {
  const engine = new Engine(new Snapshot());
  for (let i = 0; i < nodeCount; i += 1) engine.snapshot.upsertNode(nodeAt(i, zones));
  return engine;
}

const labels = [{ key: 'app', operator: 'in' as const, values: ['a'] }];
const app = { selectors: [{ namespaces: ['default'], labels }], topologyKey: 'zone' };
const peer = { namespace: 'default', labels: { app: 'a' } };
const skew = {
  required: true,
  maxSkew: 1,
  minDomains: 1,
  honorsAffinity: true,
  honorsTaints: false,
};
const overZones = { near: [], away: [], wishes: [], spread: [{ ...app, ...skew }] };

const kinds: Readonly<Record<string, (uid: string) => PlacementRequest>> = {
  'a node selector': (uid) => request(uid, { cpu: 100 }, { nodeSelector: [['disk', 'ssd']] }),
  'host ports': (uid) => request(uid, { cpu: 100 }, { hostPorts: [80] }),
  'a rule over zones': (uid) => request(uid, { cpu: 100 }, { peer, peerRules: overZones }),
};

function placeOne(engine: Engine, asked: PlacementRequest): void {
  const decision = engine.place(asked);
  expect(decision?.node).toBe(naive(engine.snapshot, asked));
  if (decision !== undefined) engine.snapshot.assume(asked, decision.node, decision.allocation);
}

describe.each(Object.keys(kinds))('the first decision of a class with %s', (kind) => {
  const ask = kinds[kind] as (typeof kinds)[string];

  it('is made in parts, between which nodes change', () => {
    for (const zones of [5, 400]) {
      const engine = engineWith(zones);
      const { snapshot } = engine;
      let parts = 0;
      for (; !engine.prepare(ask('first')); parts += 1) {
        const at = 17 * parts;
        // One that is full, one that goes, one that comes, and one that is in another zone.
        snapshot.assume(request(`big-${parts}`, { cpu: 4000 }), `n${at}`, {});
        snapshot.removeNode(`n${at + 3}`);
        snapshot.upsertNode(nodeAt(nodeCount + at, zones));
        if (parts > 0) snapshot.upsertNode({ ...nodeAt(1, zones), labels: { zone: `z${parts}` } });
      }
      expect(parts).toBeGreaterThan(1);
      for (let i = 0; i < 12; i += 1) placeOne(engine, ask(`u${i}`));
    }
  });

  it('is the same when nobody waits for the parts', () => {
    const engine = engineWith(5);
    engine.prepare(ask('first'));
    engine.snapshot.removeNode('n0');
    placeOne(engine, ask('u0'));
    expect(engine.prepare(ask('second'))).toBe(true);
  });

  it('is found also when the arrays of nodes were replaced on the way', () => {
    const engine = engineWith(5);
    engine.prepare(ask('first'));
    for (let i = 0; i < 1000; i += 1) engine.snapshot.upsertNode(nodeAt(nodeCount + i, 5));
    while (!engine.prepare(ask('first')));
    placeOne(engine, ask('u0'));
  });
});
