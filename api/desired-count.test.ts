import { describe, expect, it } from 'vitest';
import { desiredCount } from './desired-count.ts';
import type { Node, WorkloadSpec } from './kinds.gen.ts';

function node(name: string, more: Partial<Node> = {}, ready: 'True' | 'False' = 'True'): Node {
  const status = { conditions: [{ type: 'Ready', status: ready }] };
  const { metadata, ...rest } = more;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    spec: {},
    status,
    ...rest,
    metadata: { name, ...metadata },
  };
}

const template = { spec: { nodeSelector: { pool: 'a' }, containers: [] } };
const each: WorkloadSpec = {
  selector: {},
  template,
  placement: { strategy: 'Each', perNode: 2 },
};
const labels = { pool: 'a' };
const here = { metadata: { labels } };

describe('how many instances', () => {
  it('goes by replicas where the strategy does not count by node', () => {
    const view = { nodes: [node('n', here)], occupied: new Set<string>() };
    expect(desiredCount({ selector: {}, template, replicas: 3 }, view)).toBe(3);
    expect(desiredCount({ selector: {}, template }, view)).toBe(1);
  });

  it('goes by the nodes asked for, whatever nodes there are', () => {
    const view = { nodes: [], occupied: new Set<string>() };
    expect(desiredCount({ ...each, placement: { ...each.placement, nodes: 3 } }, view)).toBe(6);
  });

  it.each<[string, Node, number]>([
    ['takes instances', node('n', here), 2],
    ['lacks the label', node('n'), 0],
    ['is cordoned', node('n', { ...here, spec: { unschedulable: true } }), 0],
    ['is not ready', node('n', here, 'False'), 0],
    [
      'has a taint',
      node('n', { ...here, spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      0,
    ],
    [
      'has another runtime',
      node('n', { metadata: { labels, annotations: { 'berth.dev/runtimes': 'libvirt' } } }),
      0,
    ],
  ])('counts a node or not: it %s', (_, one, expected) => {
    expect(desiredCount(each, { nodes: [one], occupied: new Set() })).toBe(expected);
  });

  it('keeps what is on a cordoned node, and not what is where it does not belong', () => {
    const cordoned = node('n1', { ...here, spec: { unschedulable: true } });
    const elsewhere = node('n2', { metadata: { labels: { pool: 'b' } } });
    const view = { nodes: [cordoned, elsewhere], occupied: new Set(['n1', 'n2']) };
    expect(desiredCount(each, view)).toBe(2);
  });
});
