import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { CpuMoves, cpusOf } from './pod-cpus.ts';

function pod(cores?: Readonly<Record<string, number>>, more: object = {}): Pod {
  const allocation = JSON.stringify({ cpuBound: { cores, ...more } });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      annotations: cores === undefined ? {} : { 'berth.dev/allocation': allocation },
    },
    spec: { containers: [] },
  };
}

const four = [0, 1, 2, 3];

describe('processors', () => {
  it('of a bound pod are its own', () => {
    expect(cpusOf(pod({ 2: 30, 0: 100 }), [], four)).toEqual({ cpus: '0,2', isAll: false });
    expect(cpusOf(pod({ 1: 100, 2: 100 }, { numaNode: 1 }), [], four)).toEqual({
      cpus: '1-2',
      isAll: false,
      memoryNodes: '1',
    });
  });

  it.each([
    [[], '0-3', true],
    [[pod()], '0-3', true],
    [[pod({ 0: 100, 1: 30 })], '2-3', false],
    [[pod({ 0: 100 }), pod({ 2: 100 })], '1,3', false],
    // Nothing is left whole.
    [[pod({ 0: 30, 1: 30, 2: 30, 3: 30 })], '0-3', true],
    // Given by a machine that had more.
    [[pod({ 9: 100 })], '0-3', true],
    [[{ ...pod({ 0: 100 }), status: { phase: 'Succeeded' as const } }], '0-3', true],
  ])('of the others are what is left: %#', (pods, cpus, isAll) => {
    expect(cpusOf(pod(), pods, four)).toEqual({ cpus, isAll });
  });

  it.each(['', '[]', '{', '{"cpuBound":{"cores":{"x":1}}}', '{"cpuBound":{"cores":{}}}'])(
    'of a pod with the allocation %j are the shared ones',
    (text) => {
      const odd = pod();
      const metadata = { ...odd.metadata, annotations: { 'berth.dev/allocation': text } };
      expect(cpusOf({ ...odd, metadata }, [pod({ 3: 100 })], four).cpus).toBe('0-2');
    },
  );

  it('that the machine does not have are refused', () => {
    expect(() => cpusOf(pod({ 3: 30, 4: 100 }), [], four)).toThrow('bound to core 4, but');
  });

  it('are left by the others when a bound pod comes, and taken again when it goes', () => {
    const moves = new CpuMoves(four);
    const shared = { ...pod(), metadata: { ...pod().metadata, uid: 'shared' } };
    expect(moves.after([shared])).toEqual([]);
    expect(moves.after([shared, pod({ 1: 100 })])).toEqual(['shared']);
    expect(moves.after([shared, pod({ 1: 50 }), pod({ 1: 50 })])).toEqual([]);
    expect(moves.after([shared])).toEqual(['shared']);
  });
});
