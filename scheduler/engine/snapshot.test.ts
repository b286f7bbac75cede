import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuBound } from '../dimensions/cpu-bound/cpu-bound.ts';
import { gpu } from '../dimensions/gpu/gpu.ts';
import { Engine } from './engine.ts';
import type { Allocation, NodeRecord, PlacementRequest } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { node, request, seen } from './testing.ts';

const names = ['n0', 'n1', 'n2', 'n10', 'n3'];
const uids = Array.from({ length: 12 }, (_, i) => `u${i}`);

const nodes: fc.Arbitrary<NodeRecord> = fc
  .record({
    name: fc.constantFrom(...names),
    cpu: fc.integer({ min: 0, max: 4000 }),
    memory: fc.integer({ min: 0, max: 4096 }),
    gpu: fc.integer({ min: 0, max: 2 }),
    unschedulable: fc.boolean(),
    zone: fc.constantFrom('x', 'y'),
    cores: fc.integer({ min: 1, max: 4 }),
    sold: fc.constantFrom(100, 100, 200),
    gpus: fc.array(fc.constantFrom('T4', 'A10'), { maxLength: 3 }),
  })
  .map(({ name, cpu, memory, gpu, unschedulable, zone, cores, sold, gpus }) =>
    node(
      name,
      { cpu, memory, 'example.com/gpu': gpu },
      {
        traits: { unschedulable },
        labels: { zone },
        cores: { ids: Array.from({ length: cores }, (_, i) => i), pieces: sold, numa: [] },
        gpus,
      },
    ),
  );

const requests: fc.Arbitrary<PlacementRequest> = fc
  .record({
    uid: fc.constantFrom(...uids),
    cpu: fc.integer({ min: 0, max: 2000 }),
    memory: fc.integer({ min: 0, max: 2048 }),
    gpu: fc.integer({ min: 0, max: 1 }),
    owner: fc.constantFrom('a', 'b', 'c', undefined),
    strategy: fc.constantFrom('Spread', 'Pack', 'Global', 'Drained'),
    port: fc.constantFrom(80, 81, 82, undefined),
    boundPieces: fc.constantFrom(0, 0, 30, 50, 100, 130),
    gpuMilli: fc.constantFrom(0, 0, 300, 700, 1000, 2000),
  })
  .map(({ uid, cpu, memory, gpu, owner, strategy, port, boundPieces, gpuMilli }) =>
    request(
      uid,
      { cpu, memory, 'example.com/gpu': gpu },
      { owner, strategy, hostPorts: port === undefined ? [] : [port], boundPieces, gpuMilli },
    ),
  );

type Step =
  | { readonly type: 'upsert'; readonly record: NodeRecord }
  | { readonly type: 'remove'; readonly name: string }
  | { readonly type: 'bind'; readonly request: PlacementRequest; readonly node: string }
  | { readonly type: 'schedule'; readonly request: PlacementRequest }
  | { readonly type: 'release'; readonly uid: string };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('upsert' as const), record: nodes }),
    fc.record({ type: fc.constant('remove' as const), name: fc.constantFrom(...names) }),
    fc.record({
      type: fc.constant('bind' as const),
      request: requests,
      node: fc.constantFrom(...names, 'unknown'),
    }),
    fc.record({ type: fc.constant('schedule' as const), request: requests }),
    fc.record({ type: fc.constant('release' as const), uid: fc.constantFrom(...uids) }),
  ),
  { maxLength: 60 },
);

/** What the snapshot ought to hold, kept as plainly as possible. */
class Model {
  readonly nodes = new Map<string, NodeRecord>();
  readonly placed = new Map<
    string,
    { request: PlacementRequest; node: string; allocation?: Allocation }
  >();

  rebuilt(): Snapshot {
    const snapshot = new Snapshot();
    for (const record of this.nodes.values()) snapshot.upsertNode(record);
    for (const { request: r, node: name, allocation = {} } of this.placed.values()) {
      snapshot.assume(r, name, allocation);
    }
    return snapshot;
  }
}

function play(list: readonly Step[], check: (engine: Engine, model: Model) => void): void {
  const engine = new Engine(new Snapshot());
  const model = new Model();
  for (const step of list) {
    apply(step, engine, model);
    check(engine, model);
  }
}

function apply(step: Step, engine: Engine, model: Model): void {
  const { snapshot } = engine;
  switch (step.type) {
    case 'upsert':
      snapshot.upsertNode(step.record);
      model.nodes.set(step.record.name, step.record);
      return;
    case 'remove':
      snapshot.removeNode(step.name);
      model.nodes.delete(step.name);
      return;
    case 'bind':
      snapshot.assume(step.request, step.node, {});
      model.placed.set(step.request.uid, step);
      return;
    case 'release':
      snapshot.release(step.uid);
      model.placed.delete(step.uid);
      return;
    case 'schedule': {
      if (model.placed.has(step.request.uid)) return;
      const [decision] = engine.scheduleBatch([step.request]);
      if (decision?.type !== 'placed') return;
      const { node: name, allocation } = decision;
      model.placed.set(step.request.uid, { request: step.request, node: name, allocation });
    }
  }
}

describe('the snapshot', () => {
  it('is, after any events, what building it anew would give', () => {
    fc.assert(
      fc.property(steps, (list) => {
        play(list, ({ snapshot }, model) => expect(seen(snapshot)).toEqual(seen(model.rebuilt())));
      }),
      { numRuns: 200 },
    );
  });

  it('is so after 10,000 events too', { timeout: 60_000 }, () => {
    const many = fc.array(fc.array(steps, { minLength: 10, maxLength: 10 }), {
      minLength: 60,
      maxLength: 60,
    });
    const [list = []] = fc.sample(many, { numRuns: 1, seed: 7 });
    const engine = new Engine(new Snapshot());
    const model = new Model();
    const events = list.flat(2);
    let played = 0;
    while (played < 10_000) {
      for (const step of events) apply(step, engine, model);
      played += events.length;
    }
    expect(seen(engine.snapshot)).toEqual(seen(model.rebuilt()));
    // All taken away again: as if it had been nothing.
    for (const uid of model.placed.keys()) engine.snapshot.release(uid);
    model.placed.clear();
    expect(seen(engine.snapshot)).toEqual(seen(model.rebuilt()));
  });

  it('answers every request as one that was built anew', () => {
    fc.assert(
      fc.property(steps, fc.array(requests, { minLength: 1, maxLength: 4 }), (list, asked) => {
        play(list, (engine, model) => {
          const fresh = new Engine(model.rebuilt());
          // The same classes are asked after every step, so that their indices are brought up to date.
          for (const r of asked) expect(engine.schedule(r)).toEqual(fresh.schedule(r));
        });
      }),
      { numRuns: 200 },
    );
  });

  it('is the same again after assume and release', () => {
    fc.assert(
      fc.property(steps, requests, fc.constantFrom(...names), (list, extra, name) => {
        const fresh = { ...extra, uid: 'extra' };
        play(list, ({ snapshot }) => {
          const before = seen(snapshot);
          snapshot.assume(fresh, name, {});
          expect(snapshot.nodeOf('extra')).toBe(name);
          snapshot.release('extra');
          expect(seen(snapshot)).toEqual(before);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('does not depend on the order of events that commute', () => {
    const inputs = fc.record({
      records: fc.uniqueArray(nodes, { selector: (n) => n.name }),
      placed: fc.uniqueArray(fc.tuple(requests, fc.constantFrom(...names)), {
        selector: ([r]) => r.uid,
      }),
      asked: requests,
      shuffle: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(inputs, ({ records, placed, asked, shuffle }) => {
        const events = [
          ...records.map((record) => (s: Snapshot) => void s.upsertNode(record)),
          ...placed.map(
            ([r, name]) =>
              (s: Snapshot) =>
                s.assume(r, name, {}),
          ),
        ];
        const shuffled = events
          .map((event) => ({ event, at: shuffle.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at);
        const one = new Snapshot();
        const other = new Snapshot();
        for (const event of events) event(one);
        for (const { event } of shuffled) event(other);
        expect(seen(other)).toEqual(seen(one));
        const last = { ...asked, uid: 'last' };
        expect(new Engine(other).schedule(last)).toEqual(new Engine(one).schedule(last));
      }),
      { numRuns: 200 },
    );
  });

  it('never lets a decision take more than there is, in any dimension', () => {
    const all = fc.record({
      records: fc.uniqueArray(nodes, { selector: (n) => n.name, minLength: 1 }),
      asked: fc.uniqueArray(requests, { selector: (r) => r.uid, maxLength: 12 }),
    });
    fc.assert(
      fc.property(all, ({ records, asked }) => {
        const engine = new Engine(new Snapshot());
        for (const record of records) engine.snapshot.upsertNode(record);
        const decisions = engine.scheduleBatch(asked);
        const ports = new Set<string>();
        for (const [i, decision] of decisions.entries()) {
          if (decision.type === 'refused') continue;
          for (const { dimension, need } of asked[i]?.parts ?? []) {
            if (dimension !== 'hostPorts') continue;
            const slot = `${decision.node} ${JSON.stringify(need)}`;
            expect(ports.has(slot)).toBe(false);
            ports.add(slot);
          }
        }
        for (const { name, cores } of records) {
          const sold = new Map<string, number>();
          for (const d of decisions) {
            if (d.type !== 'placed' || d.node !== name) continue;
            for (const [core, pieces] of piecesIn(d.allocation)) {
              sold.set(core, (sold.get(core) ?? 0) + pieces);
            }
          }
          for (const pieces of sold.values())
            expect(pieces).toBeLessThanOrEqual(cores?.pieces ?? 0);
        }
        for (const { name, gpus = [] } of records) {
          const given = new Map<number, number>();
          for (const d of decisions) {
            if (d.type !== 'placed' || d.node !== name) continue;
            const { devices = [], milli = 0 } = gpu.read(d.allocation['gpu'] ?? {}) ?? {};
            expect(new Set(devices).size).toBe(devices.length);
            for (const device of devices) given.set(device, (given.get(device) ?? 0) + milli);
          }
          for (const [device, milli] of given) {
            expect(gpus[device]).toBeDefined();
            expect(milli).toBeLessThanOrEqual(1000);
          }
        }
        for (const { name, traits } of records) {
          const index = engine.snapshot.indexOf(name) ?? -1;
          for (const column of engine.snapshot.columns.all()) {
            expect(column.usedAt(index)).toBeLessThanOrEqual(column.capacityAt(index));
            expect(column.freeAt(index)).toBe(column.capacityAt(index) - column.usedAt(index));
          }
          const given = decisions.some((d) => d.type === 'placed' && d.node === name);
          if (traits.unschedulable) expect(given).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('orders by name also when a node takes the index of another', () => {
    const engine = new Engine(new Snapshot());
    engine.snapshot.upsertNode(node('a'));
    engine.snapshot.upsertNode(node('b'));
    expect(engine.schedule(request('p'))).toMatchObject({ node: 'a' });
    engine.snapshot.removeNode('a');
    engine.snapshot.upsertNode(node('z'));
    expect(engine.schedule(request('p'))).toMatchObject({ node: 'b' });
  });

  it('stays right when it grows and when the log no longer reaches back', () => {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < 40; i += 1) {
      engine.snapshot.upsertNode(node(`n${i}`, { cpu: 1000 + i }));
      expect(engine.schedule(request('p', { cpu: 1000 + i }))).toMatchObject({ node: `n${i}` });
    }
    const asked = request('p', { cpu: 1039 });
    expect(engine.schedule(asked)).toMatchObject({ node: 'n39' });
    engine.snapshot.assume(request('taker', { cpu: 1 }), 'n39', {});
    const filler = request('filler', { cpu: 1 });
    for (let i = 0; i < 20_000; i += 1) engine.snapshot.assume(filler, 'n0', {});
    expect(engine.schedule(asked).type).toBe('refused');
  });

  it('tells whether a change to a node matters', () => {
    const snapshot = new Snapshot();
    expect(snapshot.upsertNode(node('n', { cpu: 1 }))).toBe(true);
    expect(snapshot.upsertNode(node('n', { cpu: 1 }))).toBe(false);
    expect(snapshot.upsertNode(node('n', { cpu: 2 }))).toBe(true);
    expect(snapshot.upsertNode(node('n', { cpu: 2 }, { labels: { a: 'b' } }))).toBe(true);
    expect(snapshot.upsertNode(node('n', { cpu: 2 }, { traits: { ready: 'Unknown' } }))).toBe(true);
  });
});

function piecesIn(allocation: Allocation): readonly [core: string, pieces: number][] {
  const piece = cpuBound.read(allocation['cpuBound'] ?? {});
  return Object.entries(piece?.cores ?? {});
}
