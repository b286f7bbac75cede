import { describe, expect, it } from 'vitest';
import { tolerates } from '../../api/node-fit.ts';
import type { Taint, Toleration } from '../engine/request.ts';
import { node, request } from '../engine/testing.ts';
import { cordon } from './cordon.ts';
import { maxPerNode } from './max-per-node.ts';
import { nodeSelector } from './node-selector.ts';
import { ready } from './ready.ts';
import { runtime } from './runtime.ts';
import { taints } from './taints.ts';

const taint: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };

describe('tolerates', () => {
  it.each<[Toleration, Partial<Taint>, boolean]>([
    [{ operator: 'Exists' }, {}, true],
    [{ operator: 'Exists', effect: 'NoSchedule' }, {}, true],
    [{ operator: 'Exists', effect: 'NoExecute' }, {}, false],
    [{ operator: 'Exists', key: 'k' }, {}, true],
    [{ operator: 'Exists', key: 'other' }, {}, false],
    [{ operator: 'Exists', key: 'k', effect: 'NoExecute' }, { effect: 'NoExecute' }, true],
    [{ operator: 'Equal', key: 'k', value: 'v' }, {}, true],
    [{ operator: 'Equal', key: 'k', value: 'w' }, {}, false],
    [{ operator: 'Equal', key: 'k' }, {}, false],
    [{ operator: 'Equal', key: 'k' }, { value: '' }, true],
    [{ operator: 'Equal', value: 'v' }, {}, false],
    [{ operator: 'Equal', key: 'k', value: 'v', effect: 'NoSchedule' }, {}, true],
    [{ operator: 'Equal', key: 'k', value: 'v', effect: 'NoExecute' }, {}, false],
  ])('%j of %j is %s', (toleration, more, expected) => {
    expect(tolerates(toleration, { ...taint, ...more })).toBe(expected);
  });
});

describe('taints', () => {
  const untolerated = request('p');
  const tolerant = request('p', {}, { tolerations: [{ operator: 'Equal', key: 'k', value: 'v' }] });
  const traitsWith = (...list: readonly Taint[]) =>
    node('n', {}, { traits: { taints: list } }).traits;

  it.each(['NoSchedule', 'NoExecute'] as const)(
    '%s refuses what does not tolerate it',
    (effect) => {
      const traits = traitsWith({ ...taint, effect });
      expect(taints.refuse(untolerated, traits)?.reason).toBe(
        'node(s) had untolerated taint {k: v}',
      );
      expect(taints.refuse(tolerant, traits)).toBeUndefined();
    },
  );

  it('PreferNoSchedule only dislikes', () => {
    const traits = traitsWith({ ...taint, effect: 'PreferNoSchedule' });
    expect(taints.refuse(untolerated, traits)).toBeUndefined();
    expect(taints.dislike?.(untolerated, traits)).toBe(1);
    expect(taints.dislike?.(tolerant, traits)).toBe(0);
  });

  it('leaves to cordon and ready what they say better', () => {
    const list: Taint[] = [
      { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/not-ready', value: '', effect: 'NoSchedule' },
    ];
    const down = { taints: list, unschedulable: true, ready: 'False' } as const;
    expect(taints.refuse(untolerated, node('n', {}, { traits: down }).traits)).toBeUndefined();
    const up = node('n', {}, { traits: { taints: list } }).traits;
    expect(taints.refuse(untolerated, up)?.changes).toHaveLength(2);
  });
});

describe('cordon', () => {
  const { traits } = node('n', {}, { traits: { unschedulable: true } });

  it('refuses, except what tolerates just that', () => {
    const key = 'node.kubernetes.io/unschedulable';
    expect(cordon.refuse(request('p'), traits)?.reason).toBe('node(s) were unschedulable');
    const tolerant = request('p', {}, { tolerations: [{ operator: 'Exists', key }] });
    expect(cordon.refuse(tolerant, traits)).toBeUndefined();
    expect(cordon.refuse(request('p'), node('n').traits)).toBeUndefined();
  });
});

describe('ready', () => {
  it.each(['True', 'False', 'Unknown'] as const)('%s', (state) => {
    const refused = ready.refuse(request('p'), node('n', {}, { traits: { ready: state } }).traits);
    const reason = state === 'True' ? undefined : `node(s) were not ready (Ready=${state})`;
    expect(refused?.reason).toBe(reason);
  });
});

describe('runtime', () => {
  it('must be on the node', () => {
    const { traits } = node('n', {}, { traits: { runtimes: ['docker', 'systemd'] } });
    expect(runtime.refuse(request('p', {}, { runtime: 'systemd' }), traits)).toBeUndefined();
    expect(runtime.refuse(request('p', {}, { runtime: 'libvirt' }), traits)?.changes).toEqual([
      { type: 'runtime', runtime: 'libvirt' },
    ]);
  });
});

describe('nodeSelector', () => {
  const facts = { name: 'n', labels: { zone: 'x', disk: 'ssd' }, ownerCount: 0 };

  it('wants every label', () => {
    const both = request(
      'p',
      {},
      {
        nodeSelector: [
          ['disk', 'ssd'],
          ['zone', 'x'],
        ],
      },
    );
    const other = request(
      'p',
      {},
      {
        nodeSelector: [
          ['disk', 'ssd'],
          ['zone', 'y'],
        ],
      },
    );
    expect(nodeSelector.applies(request('p'))).toBe(false);
    expect(nodeSelector.applies(both)).toBe(true);
    expect(nodeSelector.refuse(both, facts)).toBeUndefined();
    expect(nodeSelector.refuse(other, facts)?.changes).toEqual([
      { type: 'label', label: 'zone', value: 'y' },
    ]);
  });
});

describe('maxPerNode', () => {
  const asked = request('p', {}, { owner: 'o', maxPerNode: 2 });

  it.each([
    [0, true],
    [1, true],
    [2, false],
    [3, false],
  ])('with %i there already: %s', (ownerCount, fits) => {
    expect(maxPerNode.refuse(asked, { name: 'n', labels: {}, ownerCount }) === undefined).toBe(
      fits,
    );
  });

  it('says nothing about what has no owner or no limit', () => {
    expect(maxPerNode.applies(asked)).toBe(true);
    expect(maxPerNode.applies(request('p', {}, { maxPerNode: 2 }))).toBe(false);
    expect(maxPerNode.applies(request('p', {}, { owner: 'o' }))).toBe(false);
  });
});
