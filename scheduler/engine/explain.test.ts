import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeTerm } from '../../api/node-fit.ts';
import { atOnce } from '../../lib/turns.ts';
import { Engine } from './engine.ts';
import { obstaclesOn } from './explain.ts';
import { type Change, messageOf, type Obstacle } from './reasons.ts';
import { type NodeRecord, type PlacementRequest, withClassKey } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { dimensions, node, request } from './testing.ts';

function engineOf(...records: readonly NodeRecord[]): Engine {
  const engine = new Engine(new Snapshot());
  for (const record of records) engine.snapshot.upsertNode(record);
  return engine;
}

function refusal(engine: Engine, asked: PlacementRequest) {
  const decision = engine.schedule(asked);
  if (decision.type === 'placed') throw new Error(`placed on ${decision.node}`);
  return { ...decision.reasons, message: messageOf(decision.reasons) };
}

const Gi = 1024 ** 3;

describe('why', () => {
  it('is one line in which every node is counted once', () => {
    const engine = engineOf(
      node('n1', { cpu: 1200, memory: 4 * Gi }),
      node('n2', { cpu: 500, memory: 4 * Gi }),
      node('n3', { cpu: 8000, memory: 4 * Gi }, { traits: { unschedulable: true } }),
    );
    expect(refusal(engine, request('p', { cpu: 4000 })).message).toBe(
      '0/3 nodes are available: 2 Insufficient cpu (asked 4, at most 1.2 free on n1), ' +
        '1 node(s) were unschedulable.',
    );
  });

  it('calls nothing free where more is taken than there is', () => {
    const engine = engineOf(node('n1', { cpu: 1000 }));
    engine.snapshot.assume(request('forced', { cpu: 1600 }), 'n1', {});
    const { message, classes } = refusal(engine, request('p', { cpu: 500 }));
    expect(message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu (asked 0.5, at most 0 free on n1).',
    );
    // So much has to go nevertheless.
    expect(classes[0]?.obstacles).toMatchObject([{ free: 0, missing: 1100 }]);
  });

  it('names all reasons of a node together', () => {
    const engine = engineOf(
      node('n1', { cpu: 1000, memory: Gi }, { traits: { ready: 'Unknown' } }),
      node('n2', { cpu: 1000, memory: Gi }),
    );
    expect(refusal(engine, request('p', { cpu: 2000, memory: 2.5 * Gi })).message).toBe(
      '0/2 nodes are available: 1 node(s) were not ready (Ready=Unknown) and ' +
        'Insufficient cpu (asked 2, 1 free on n1) and ' +
        'Insufficient memory (asked 2.5Gi, 1Gi free on n1), ' +
        '1 Insufficient cpu (asked 2, 1 free on n2) and ' +
        'Insufficient memory (asked 2.5Gi, 1Gi free on n2).',
    );
  });

  it('is also data', () => {
    const engine = engineOf(node('n1', { cpu: 1200 }), node('n2', { cpu: 500 }));
    expect(refusal(engine, request('p', { cpu: 4000 })).classes).toEqual([
      {
        nodes: 2,
        nearest: 'n1',
        obstacles: [
          {
            type: 'shortage',
            dimension: 'cpu',
            resource: 'cpu',
            reason: 'Insufficient cpu',
            asked: 4000,
            free: 1200,
            missing: 2800,
            capacity: 1200,
            text: { asked: '4', free: '1.2', missing: '2.8', capacity: '1.2' },
          },
        ],
      },
    ]);
  });

  it.each([
    ['no node at all', engineOf(), request('p'), 'no nodes available to schedule pods'],
    [
      'a strategy that is missing',
      engineOf(node('n')),
      request('p', {}, { strategy: 'Fill' }),
      'strategy Fill is not available yet',
    ],
    [
      'another strategy that is missing',
      engineOf(node('n')),
      request('p', {}, { strategy: 'Each' }),
      'strategy Each is not available yet',
    ],
    [
      'a resource nobody has',
      engineOf(node('n')),
      request('p', { 'example.com/gpu': 2 }),
      '0/1 nodes are available: 1 Insufficient example.com/gpu (asked 2, at most 0 free on n).',
    ],
    [
      'a node that carries nothing',
      engineOf(node('n', { pods: 0 })),
      request('p', {}),
      '0/1 nodes are available: 1 Too many pods (asked 1, at most 0 free on n).',
    ],
  ])('tells of %s', (_, engine, asked, message) => {
    expect(refusal(engine, asked).message).toBe(message);
  });

  it('tells of ports that are taken', () => {
    const engine = engineOf(node('n'));
    engine.scheduleBatch([request('a', {}, { hostPorts: [80] })]);
    expect(refusal(engine, request('b', {}, { hostPorts: [80, 81] })).message).toContain(
      "1 node(s) didn't have free ports for the requested pod ports (asked 80/TCP",
    );
  });

  it('forgets what it told as soon as anything changes', () => {
    const engine = engineOf(node('n', { cpu: 100 }));
    const asked = request('p', { cpu: 200 });
    expect(engine.schedule(asked).type).toBe('refused');
    expect(engine.schedule(asked).type).toBe('refused');
    engine.snapshot.upsertNode(node('n', { cpu: 200 }));
    expect(engine.schedule(asked).type).toBe('placed');
  });
});

function termOf(values: readonly string[]): NodeTerm {
  return { labels: [{ key: 'disk', operator: 'in', values }], fields: [] };
}

describe('the smallest change', () => {
  const cases = fc.record({
    record: fc
      .record({
        cpu: fc.integer({ min: 0, max: 3000 }),
        memory: fc.integer({ min: 0, max: 3000 }),
        pods: fc.integer({ min: 0, max: 2 }),
        ready: fc.constantFrom('True', 'False', 'Unknown'),
        unschedulable: fc.boolean(),
        runtimes: fc.constantFrom(['docker'], ['systemd'], []),
        taints: fc.uniqueArray(
          fc.record({
            key: fc.constantFrom('a', 'b'),
            value: fc.constantFrom('', 'x'),
            effect: fc.constantFrom('NoSchedule', 'NoExecute', 'PreferNoSchedule'),
          }),
          { selector: (t) => JSON.stringify(t), maxLength: 3 },
        ),
        zone: fc.constantFrom('x', 'y'),
      })
      .map(({ cpu, memory, pods, zone, ...traits }) =>
        node('n', { cpu, memory, pods }, { traits, labels: { zone } }),
      ),
    asked: fc
      .record({
        cpu: fc.integer({ min: 0, max: 3000 }),
        memory: fc.integer({ min: 0, max: 3000 }),
        zone: fc.constantFrom('x', undefined),
        disks: fc.constantFrom(['ssd', 'hdd'], undefined),
        maxPerNode: fc.constantFrom(1, undefined),
      })
      .map(({ cpu, memory, zone, disks, maxPerNode }) =>
        request(
          'p',
          { cpu, memory },
          {
            owner: 'o',
            maxPerNode,
            nodeSelector: zone === undefined ? [] : [['zone', zone]],
            ...(disks === undefined ? {} : { nodeAffinity: [termOf(disks)] }),
          },
        ),
      ),
    neighbours: fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 3 }),
  });

  interface Situation {
    readonly record: NodeRecord;
    readonly asked: PlacementRequest;
    readonly neighbours: readonly number[];
  }

  function obstacles({ record, asked, neighbours }: Situation): readonly Obstacle[] {
    const snapshot = new Snapshot(dimensions);
    snapshot.upsertNode(record);
    for (const [i, cpu] of neighbours.entries()) {
      snapshot.assume(request(`u${i}`, { cpu }, { owner: 'o' }), 'n', {});
    }
    return obstaclesOn(snapshot, asked, 'n') ?? [];
  }

  /** Makes `more` of a resource, or one change of a rule, true. */
  function grow(situation: Situation, resource: string, more: number): Situation {
    const { record } = situation;
    const before = record.capacity.find((c) => c.resource === resource)?.amount ?? 0;
    const others = record.capacity.filter((c) => c.resource !== resource);
    const capacity = [...others, { resource, amount: before + more }];
    return { ...situation, record: { ...record, capacity } };
  }

  function change(situation: Situation, { ...wanted }: Change): Situation {
    const { record, asked } = situation;
    const { traits } = record;
    const withTraits = (more: Partial<NodeRecord['traits']>) => ({
      ...situation,
      record: { ...record, traits: { ...traits, ...more } },
    });
    switch (wanted.type) {
      case 'ready':
        return withTraits({ ready: 'True' });
      case 'uncordon':
        return withTraits({ unschedulable: false });
      case 'runtime':
        return withTraits({ runtimes: [...traits.runtimes, wanted.runtime] });
      case 'untaint':
        return withTraits({
          taints: traits.taints.filter(
            (t) => t.key !== wanted.key || t.value !== wanted.value || t.effect !== wanted.effect,
          ),
        });
      case 'label':
        return {
          ...situation,
          record: { ...record, labels: { ...record.labels, [wanted.label]: wanted.value } },
        };
      case 'nodeAffinity':
        // A label is given the first value that will do.
        return {
          ...situation,
          record: {
            ...record,
            labels: { ...record.labels, [wanted.key]: wanted.values[0] ?? '' },
          },
        };
      case 'volume':
        return { ...situation, asked: withClassKey({ ...asked, volumesOn: [] }) };
      case 'maxPerNode': {
        const { maxPerNode } = wanted;
        return { ...situation, asked: withClassKey({ ...asked, maxPerNode }) };
      }
      case 'topologyLabel':
      case 'podAffinity':
      case 'podAntiAffinity':
      case 'maxSkew':
        throw new Error(`no request here has rules about others, and yet: ${wanted.type}`);
    }
  }

  type Step = (situation: Situation) => Situation;
  const nothing: Step = (situation) => situation;

  /** Each single step of the whole change, with the next smaller one. */
  function stepsOf(found: readonly Obstacle[]): { readonly step: Step; readonly smaller: Step }[] {
    return found.flatMap((obstacle) => {
      if (obstacle.type === 'rule') {
        return obstacle.changes.map((one) => ({
          step: (s: Situation) => change(s, one),
          smaller:
            one.type === 'maxPerNode' && one.maxPerNode > 1
              ? (s: Situation) => change(s, { ...one, maxPerNode: one.maxPerNode - 1 })
              : nothing,
        }));
      }
      const { resource, missing } = obstacle;
      return [
        {
          step: (s: Situation) => grow(s, resource, missing),
          smaller: (s: Situation) => grow(s, resource, missing - 1),
        },
      ];
    });
  }

  it('makes it fit, and anything smaller does not', () => {
    fc.assert(
      fc.property(cases, (situation) => {
        const steps = stepsOf(obstacles(situation));
        const all = steps.reduce<Situation>((now, { step }) => step(now), situation);
        expect(obstacles(all)).toEqual([]);
        for (const [left] of steps.entries()) {
          const less = steps.reduce<Situation>(
            (now, { step, smaller }, i) => (i === left ? smaller(now) : step(now)),
            situation,
          );
          expect(obstacles(less)).not.toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is told exactly when the engine refuses', () => {
    fc.assert(
      fc.property(cases, (situation) => {
        const engine = engineOf(situation.record);
        for (const [i, cpu] of situation.neighbours.entries()) {
          engine.snapshot.assume(request(`u${i}`, { cpu }, { owner: 'o' }), 'n', {});
        }
        const refused = engine.schedule(situation.asked).type === 'refused';
        expect(obstacles(situation).length > 0).toBe(refused);
      }),
      { numRuns: 500 },
    );
  });
});

describe('what a refusal is told', () => {
  const count = 1200;
  const full = () => {
    const engine = new Engine(new Snapshot());
    // More than are looked at in one part.
    for (let i = 0; i < count; i += 1) engine.snapshot.upsertNode(node(`n${i}`, { cpu: 500 }));
    return engine;
  };
  const countsOf = (engine: Engine, uid: string) => {
    const decision = engine.schedule(request(uid, { cpu: 1000 }));
    return decision.type === 'refused'
      ? [decision.reasons.nodes, decision.reasons.classes.map(({ nodes }) => nodes)]
      : decision.node;
  };

  it('is looked for in parts, between which nodes come and go', () => {
    const engine = full();
    const asked = request('u0', { cpu: 1000 });
    expect(engine.place(asked)).toBeUndefined();
    let parts = 0;
    const told = engine.explain(asked);
    let part = told.next();
    for (; part.done !== true; part = told.next()) {
      engine.snapshot.removeNode(`n${count - 1 - parts}`);
      engine.snapshot.upsertNode(node(`m${parts}`, { cpu: 500 }));
      parts += 1;
    }
    expect(parts).toBe(2);
    // Those that came when their place in the order was past are not told of.
    expect(part.value).toMatchObject({ nodes: count, classes: [{ nodes: expect.any(Number) }] });
    const [decision] = engine.scheduleBatch([request('u1', { cpu: 1000 })], part.value);
    expect(decision).toEqual({ type: 'refused', reasons: part.value });
  });

  it('is not what was found for one that fitted after all', () => {
    const engine = full();
    const asked = request('u0', { cpu: 1000 });
    expect(engine.place(asked)).toBeUndefined();
    const told = atOnce(engine.explain(asked));
    engine.snapshot.upsertNode(node('big', { cpu: 1000 }));
    expect(engine.scheduleBatch([asked], told)).toMatchObject([{ type: 'placed', node: 'big' }]);
    engine.snapshot.release('u0');
    engine.snapshot.removeNode('big');
    engine.snapshot.removeNode('n0');
    expect(countsOf(engine, 'u2')).toEqual([count - 1, [count - 1]]);
  });
});
