import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/kinds.gen.ts';
import { Engine } from '../engine/engine.ts';
import { podRequest } from '../engine/pod-request.ts';
import { messageOf } from '../engine/reasons.ts';
import { Snapshot } from '../engine/snapshot.ts';
import { dimensions, node } from '../engine/testing.ts';
import { nodeAffinity } from './node-affinity.ts';

function requestOf(terms: readonly NodeSelectorTerm[] | undefined) {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { uid: 'p' },
    spec: { containers: [] },
  };
  if (terms === undefined) return podRequest(pod, undefined, dimensions);
  const required = { nodeSelectorTerms: terms };
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
  };
  return podRequest({ ...pod, spec: { ...pod.spec, affinity } }, undefined, dimensions);
}

type Labels = Readonly<Record<string, string>>;

function accepts(terms: readonly NodeSelectorTerm[], labels: Labels, name = 'n'): boolean {
  return nodeAffinity.refuse(requestOf(terms), { name, labels, ownerCount: 0 }) === undefined;
}

type Operator = NodeSelectorRequirement['operator'];

describe('nodeAffinity', () => {
  it.each<[Operator, readonly string[], Labels, boolean]>([
    ['In', ['a', 'b'], { k: 'b' }, true],
    ['In', ['a', 'b'], { k: 'c' }, false],
    ['In', ['a', 'b'], {}, false],
    ['NotIn', ['a'], { k: 'b' }, true],
    ['NotIn', ['a'], { k: 'a' }, false],
    ['NotIn', ['a'], {}, true],
    ['Exists', [], { k: '' }, true],
    ['Exists', [], {}, false],
    ['DoesNotExist', [], {}, true],
    ['DoesNotExist', [], { k: '' }, false],
    ['Gt', ['9'], { k: '10' }, true],
    ['Gt', ['10'], { k: '10' }, false],
    ['Gt', ['10'], {}, false],
    ['Gt', ['1'], { k: 'many' }, false],
    ['Lt', ['10'], { k: '9' }, true],
    ['Lt', ['10'], { k: '10' }, false],
    ['Lt', ['10'], { k: 'few' }, false],
  ])('k %s %j with labels %j: %s', (operator, values, labels, expected) => {
    expect(accepts([{ matchExpressions: [{ key: 'k', operator, values }] }], labels)).toBe(
      expected,
    );
  });

  it('does not take for a label what every object has', () => {
    const terms = [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' as const }] }];
    expect(accepts(terms, {})).toBe(false);
  });

  it('names a node by matchFields', () => {
    const terms: NodeSelectorTerm[] = [
      { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] },
    ];
    expect(accepts(terms, {}, 'n2')).toBe(true);
    expect(accepts(terms, { 'metadata.name': 'n2' }, 'n1')).toBe(false);
  });

  it('holds nowhere by a term without conditions, or without terms', () => {
    expect(accepts([{}], { k: 'v' })).toBe(false);
    expect(accepts([], { k: 'v' })).toBe(false);
  });

  it('says nothing about pods without it, and names what the nearest term lacks', () => {
    expect(nodeAffinity.applies(requestOf(undefined))).toBe(false);
    const both = (first: string) => ({
      matchExpressions: [
        { key: 'zone', operator: 'In' as const, values: [first] },
        { key: 'disk', operator: 'Exists' as const },
      ],
    });
    const asked = requestOf([both('y'), both('x')]);
    expect(nodeAffinity.applies(asked)).toBe(true);
    const facts = { name: 'n', labels: { zone: 'x' }, ownerCount: 0 };
    expect(nodeAffinity.refuse(asked, facts)?.changes).toEqual([
      { type: 'nodeAffinity', key: 'disk', operator: 'exists', values: [] },
    ]);
  });

  it('is told in the words of kube-scheduler, and follows the labels of nodes', () => {
    const engine = new Engine(new Snapshot(dimensions));
    for (const name of ['n1', 'n2']) engine.snapshot.upsertNode(node(name));
    const asked = requestOf([
      { matchExpressions: [{ key: 'zone', operator: 'In', values: ['x'] }] },
    ]);
    const before = engine.schedule(asked);
    expect(before.type === 'refused' && messageOf(before.reasons)).toBe(
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    );
    engine.snapshot.upsertNode(node('n2', undefined, { labels: { zone: 'x' } }));
    expect(engine.schedule(asked)).toMatchObject({ type: 'placed', node: 'n2' });
  });

  it('takes the node that meets more of the weights first, and any other when that is full', () => {
    const pod = (uid: string): Pod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { uid },
      spec: {
        containers: [{ name: 'c', resources: { requests: { cpu: '3' } } }],
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
              { weight: 9, preference: { matchExpressions: [{ key: 'b', operator: 'Exists' }] } },
              { weight: 50, preference: {} },
            ],
          },
        },
      },
    });
    const engine = new Engine(new Snapshot(dimensions));
    engine.snapshot.upsertNode(node('n1'));
    engine.snapshot.upsertNode(node('n2', undefined, { labels: { a: '' } }));
    engine.snapshot.upsertNode(node('n3', undefined, { labels: { b: '' } }));
    const asked = ['p1', 'p2', 'p3', 'p4'].map((uid) =>
      podRequest(pod(uid), undefined, dimensions),
    );
    const nodes = engine
      .scheduleBatch(asked)
      .map((decision) => (decision.type === 'placed' ? decision.node : 'none'));
    expect(nodes).toEqual(['n3', 'n2', 'n1', 'none']);
  });

  it('places where a naive reading of the terms allows it, and nowhere else', () => {
    const value = fc.constantFrom('a', 'b', '1', '2');
    const requirement = fc
      .record({
        key: fc.constantFrom('k', 'l'),
        operator: fc.constantFrom<Operator>('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'),
        values: fc.array(value, { minLength: 1, maxLength: 2 }),
      })
      .map(({ key, operator, values }) => ({ key, operator, values }));
    const terms = fc.array(
      fc.record({ matchExpressions: fc.array(requirement, { maxLength: 2 }) }),
      { minLength: 1, maxLength: 3 },
    );
    const labels = fc.dictionary(fc.constantFrom('k', 'l'), value);
    fc.assert(
      fc.property(terms, fc.array(labels, { minLength: 1, maxLength: 4 }), (asked, nodes) => {
        const engine = new Engine(new Snapshot(dimensions));
        for (const [i, each] of nodes.entries()) {
          engine.snapshot.upsertNode(node(`n${i}`, undefined, { labels: each }));
        }
        const allowed = nodes.flatMap((each, i) => (naive(asked, each) ? [`n${i}`] : []));
        const decision = engine.schedule(requestOf(asked));
        const chosen = decision.type === 'placed' ? [decision.node] : [];
        expect(allowed).toEqual(expect.arrayContaining(chosen));
        expect(chosen.length).toBe(Math.min(1, allowed.length));
      }),
    );
  });
});

function naive(terms: readonly NodeSelectorTerm[], labels: Labels): boolean {
  return terms.some(({ matchExpressions = [] }) => {
    const every = matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'DoesNotExist') return value === undefined;
      if (value === undefined) return operator === 'NotIn';
      if (operator === 'Exists') return true;
      if (operator === 'In') return values.includes(value);
      if (operator === 'NotIn') return !values.includes(value);
      const [a, b] = [Number(value), Number(values[0])];
      return operator === 'Gt' ? a > b : a < b;
    });
    return every && matchExpressions.length > 0;
  });
}
