import { describe, expect, it } from 'vitest';
import type { Node, PodSpec } from './kinds.gen.ts';
import { runtimesOf, selectsNode, takesNew } from './node-fit.ts';

function node(labels: Readonly<Record<string, string>>, spec: Node['spec'] = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels }, spec };
}

type Terms = NonNullable<
  NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>
>['requiredDuringSchedulingIgnoredDuringExecution'];

function affinity(nodeSelectorTerms: NonNullable<Terms>['nodeSelectorTerms']) {
  const required = { nodeSelectorTerms };
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
  };
}

describe('selectsNode', () => {
  const ssd = { matchExpressions: [{ key: 'disk', operator: 'In' as const, values: ['ssd'] }] };
  const n1 = { matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: ['n1'] }] };
  it.each([
    [{}, true],
    [{ nodeSelector: { disk: 'ssd' } }, true],
    [{ nodeSelector: { disk: 'hdd' } }, false],
    [affinity([ssd]), true],
    [affinity([n1]), true],
    [affinity([{ ...n1, matchExpressions: [{ key: 'disk', operator: 'DoesNotExist' }] }]), false],
    [affinity([{}]), false],
    [{ nodeSelector: { disk: 'hdd' }, ...affinity([ssd]) }, false],
  ])('%j: %s', (spec, expected) => {
    expect(selectsNode(spec, node({ disk: 'ssd' }))).toBe(expected);
  });
});

describe('takesNew', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' as const };
  it.each([
    [{}, {}, true],
    [{}, { unschedulable: true }, false],
    [{ tolerations: [{ operator: 'Exists' as const }] }, { unschedulable: true }, true],
    [{}, { taints: [taint] }, false],
    [{}, { taints: [{ ...taint, effect: 'PreferNoSchedule' as const }] }, true],
    [{ tolerations: [{ key: 'k', value: 'v' }] }, { taints: [taint] }, true],
    [{ tolerations: [{ key: 'k', value: 'w' }] }, { taints: [taint] }, false],
  ])('%j on %j: %s', (spec, of, expected) => {
    expect(takesNew(spec, node({}, of))).toBe(expected);
  });
});

it('a node that says nothing has Docker', () => {
  expect(runtimesOf(node({}))).toEqual(['docker']);
  expect(runtimesOf(node({ 'berth.dev/runtimes': 'libvirt' }))).toEqual(['libvirt']);
});
