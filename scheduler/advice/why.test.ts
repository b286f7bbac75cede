import { describe, expect, it } from 'vitest';
import { atOnce } from '../../lib/turns.ts';
import { Engine } from '../engine/engine.ts';
import type { NodeRecord } from '../engine/request.ts';
import { Snapshot } from '../engine/snapshot.ts';
import { node, request, seen } from '../engine/testing.ts';
import { whyBound, whyGang, whyPending } from './why.ts';

const Gi = 1024 ** 3;

const whyPendingNow = (...about: Parameters<typeof whyPending>) => atOnce(whyPending(...about));
const whyGangNow = (...about: Parameters<typeof whyGang>) => atOnce(whyGang(...about));
const whyBoundNow = (...about: Parameters<typeof whyBound>) => atOnce(whyBound(...about));

function engineOf(...records: readonly NodeRecord[]): Engine {
  const engine = new Engine(new Snapshot());
  for (const record of records) engine.snapshot.upsertNode(record);
  return engine;
}

describe('why something waits', () => {
  it('names the smallest changes for each class of nodes, the nearest last', () => {
    const engine = engineOf(
      node('n1', { cpu: 4000, memory: 2 * Gi }),
      node('n2', { cpu: 4000, memory: Gi }),
      node('n3', { cpu: 8000, memory: 8 * Gi }, { traits: { unschedulable: true } }),
    );
    const answer = whyPendingNow(engine, request('p', { cpu: 1000, memory: 2.5 * Gi }));
    expect(answer).toMatchObject({ state: 'Pending', nodes: 3, strategy: 'Spread' });
    expect(answer.classes).toEqual([
      {
        nodes: 2,
        example: 'n1',
        obstacles: [
          {
            dimension: 'memory',
            resource: 'memory',
            reason: 'Insufficient memory',
            asked: '2.5Gi',
            free: '2Gi',
            missing: '512Mi',
            changes: ['lower memory by 512Mi, since node n1 has 2Gi in all'],
          },
        ],
      },
      {
        nodes: 1,
        example: 'n3',
        obstacles: [
          { rule: 'cordon', reason: 'node(s) were unschedulable', changes: ['uncordon node n3'] },
        ],
      },
    ]);
    expect(answer.message).toBe(
      '0/3 nodes are available: 2 Insufficient memory (asked 2.5Gi, at most 2Gi free on n1), ' +
        '1 node(s) were unschedulable. ' +
        'Nearest: lower memory by 512Mi, since node n1 has 2Gi in all.',
    );
  });

  it('does not ask to lower what would leave nothing', () => {
    const engine = engineOf(node('n1', { 'example.com/gpu': 0 }));
    const [first] = whyPendingNow(engine, request('p', { 'example.com/gpu': 1 })).classes ?? [];
    expect(first?.obstacles?.[0]?.changes).toEqual(['have 1 of example.com/gpu on node n1']);
    engine.snapshot.upsertNode(node('n1', { 'example.com/gpu': 1 }));
    engine.scheduleBatch([request('a', { 'example.com/gpu': 1 })]);
    const [full] = whyPendingNow(engine, request('p', { 'example.com/gpu': 1 })).classes ?? [];
    expect(full?.obstacles?.[0]?.changes).toEqual(['free 1 of example.com/gpu on node n1']);
  });

  it('asks to free what others have', () => {
    const engine = engineOf(node('n1', { cpu: 4000 }));
    engine.scheduleBatch([request('a', { cpu: 3000 })]);
    const [first] = whyPendingNow(engine, request('p', { cpu: 2000 })).classes ?? [];
    expect(first?.obstacles?.[0]?.changes).toEqual(['lower cpu by 1, or free 1 of it on node n1']);
  });

  it('does not ask to free what the node does not have', () => {
    const engine = engineOf(node('n1', { cpu: 4000, memory: Gi }));
    const answer = whyPendingNow(engine, request('p', { cpu: 9000, memory: 100 * Gi + 1 }));
    expect(answer.classes?.[0]?.obstacles?.map(({ changes }) => changes)).toEqual([
      ['lower cpu by 5, since node n1 has 4 in all'],
      ['lower memory by 99.01Gi, since node n1 has 1Gi in all'],
    ]);
  });

  it('takes the words of a dimension that has its own', () => {
    const engine = engineOf(node('n1'));
    engine.scheduleBatch([request('a', {}, { hostPorts: [80] })]);
    const [first] = whyPendingNow(engine, request('b', {}, { hostPorts: [80] })).classes ?? [];
    expect(first?.obstacles?.[0]?.changes).toEqual([
      'ask for other host ports than 80/TCP, or free them on node n1',
    ]);
  });

  it('tells where it would go now', () => {
    const engine = engineOf(node('n1'), node('n2', { cpu: 8000, memory: 8192 }));
    expect(whyPendingNow(engine, request('p'))).toMatchObject({
      state: 'Placeable',
      node: 'n2',
      candidateNodes: 2,
      candidates: [{ node: 'n2' }, { node: 'n1' }],
    });
  });
});

describe('why a gang waits', () => {
  const members = (count: number) =>
    Array.from({ length: count }, (_, i) => request(`g${i}`, { cpu: 3000 }));
  const counted = (minMember: number, there: number, waiting: number) => ({
    name: 'g',
    minMember,
    there,
    waiting,
  });

  it('is told with how many fit together, though each would fit alone', () => {
    const engine = engineOf(node('n1'), node('n2'));
    const before = seen(engine.snapshot);
    const answer = whyGangNow(engine, members(3), counted(3, 0, 3));
    expect(answer).toMatchObject({ state: 'Pending', nodes: 2, classes: [{ nodes: 2 }] });
    expect(answer?.message).toMatch(
      /^gang "g": 2 of 3 members fit at the same time; for the next: 0\/2 nodes are available: 2 Insuff/,
    );
    expect(seen(engine.snapshot)).toEqual(before);
  });

  it('is nothing where enough fit or stand, and says when members are missing', () => {
    const engine = engineOf(node('n1'), node('n2'));
    expect(whyGangNow(engine, members(3), counted(2, 0, 3))).toBeUndefined();
    expect(whyGangNow(engine, members(3), counted(3, 1, 3))).toBeUndefined();
    expect(whyGangNow(engine, members(1), counted(1, 1, 1))).toBeUndefined();
    const few = whyGangNow(engine, members(2), counted(4, 1, 2));
    expect(few?.message).toBe('gang "g": 3 of 4 members are there');
  });
});

describe('why something is where it is', () => {
  it('compares its node with the runners-up, as if it were not there', () => {
    const engine = engineOf(node('n1'), node('n2'), node('n3', { cpu: 500 }));
    const asked = request('p', { cpu: 1000 }, { owner: 'o' });
    engine.snapshot.assume(asked, 'n2', {});
    engine.snapshot.assume(request('q', { cpu: 1000 }, { owner: 'o' }), 'n1', {});
    const before = seen(engine.snapshot);
    const answer = whyBoundNow(engine, asked, 'n2');
    expect(answer).toMatchObject({ state: 'Bound', node: 'n2', rank: 1, candidateNodes: 2 });
    expect(answer.candidates?.map(({ node: name, instances }) => [name, instances])).toEqual([
      ['n2', 0],
      ['n1', 1],
    ]);
    expect(answer.classes).toMatchObject([{ nodes: 1, example: 'n3' }]);
    expect(answer.message).toMatch(/^on n2: the best of 2 nodes that can take it \(score /);
    expect(seen(engine.snapshot)).toEqual(before);
  });

  it('compares nodes also for strategies that lay out many at once', () => {
    const engine = engineOf(node('n1'), node('n2'));
    const asked = request('p', {}, { strategy: 'Each', owner: 'o' });
    engine.snapshot.assume(asked, 'n1', {});
    expect(whyBoundNow(engine, asked, 'n1')).toMatchObject({ rank: 1, candidateNodes: 2 });
  });

  it('says so where its node would refuse it now', () => {
    const engine = engineOf(node('n1', {}, { traits: { unschedulable: true } }), node('n2'));
    const asked = request('p');
    engine.snapshot.assume(asked, 'n1', {});
    const answer = whyBoundNow(engine, asked, 'n1');
    expect(answer.rank).toBeUndefined();
    expect(answer.message).toBe(
      'on n1, which would not take it now: ' +
        'node(s) were unschedulable and Insufficient cpu and Insufficient memory',
    );
  });

  it('is looked for in parts, in whose pauses it is there', () => {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < 1_300; i += 1) engine.snapshot.upsertNode(node(`n${i}`));
    const asked = request('p', { cpu: 1000 });
    engine.snapshot.assume(asked, 'n700', {});
    const looking = whyBound(engine, asked, 'n700');
    let parts = 0;
    let part = looking.next();
    for (; part.done !== true; part = looking.next()) {
      parts += 1;
      expect(engine.snapshot.nodeOf('p')).toBe('n700');
    }
    expect(parts).toBeGreaterThan(5);
    // All nodes are as good, and go by name.
    const before = engine.snapshot.order.indices().indexOf(700);
    expect(part.value).toMatchObject({ rank: before + 1, candidateNodes: 1_300 });
    expect(part.value.candidates?.map(({ node: name }) => name)).toEqual([
      'n0',
      'n1',
      'n10',
      'n100',
      'n1000',
      'n1001',
    ]);
  });
});
