import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validatePodSpec } from './pod-spec.ts';

function errorsOf(spec: JsonObject) {
  return validatePodSpec(spec, 'spec').map((error) => `${error.field}: ${error.message}`);
}

const labelSelector = { matchLabels: { app: 'a' } };
const topologyKey = 'kubernetes.io/hostname';

describe('rules about other pods', () => {
  const field = 'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]';
  const withTerm = (term: JsonObject) => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
  });

  it('may name labels, namespaces and keys', () => {
    const term = {
      labelSelector,
      topologyKey,
      namespaces: ['a'],
      namespaceSelector: {},
      matchLabelKeys: ['v'],
      mismatchLabelKeys: ['w'],
    };
    expect(errorsOf(withTerm(term))).toEqual([]);
  });

  it.each<[JsonObject, string]>([
    [{ labelSelector, topologyKey: '' }, 'topologyKey: Required value: can not be empty'],
    [{ labelSelector, topologyKey: 'a b' }, 'topologyKey: Invalid value: "a b"'],
    [{ labelSelector, topologyKey, namespaces: ['A'] }, 'namespaces[0]: Invalid value: "A"'],
    [
      { topologyKey, matchLabelKeys: ['v'] },
      'matchLabelKeys: Forbidden: must not be specified when labelSelector is not set',
    ],
    [
      { labelSelector, topologyKey, matchLabelKeys: ['v'], mismatchLabelKeys: ['v'] },
      'matchLabelKeys[0]: Invalid value: "v": exists in both matchLabelKeys and mismatchLabelKeys',
    ],
    [
      { topologyKey, labelSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
      'labelSelector: Invalid value: ',
    ],
  ])('%j is refused: %s', (term, message) => {
    const [first, ...more] = errorsOf(withTerm(term));
    expect(first).toContain(`${field}.${message}`);
    expect(more).toEqual([]);
  });

  it('are looked at where they are wishes, too', () => {
    const wish = { weight: 1, podAffinityTerm: { labelSelector, topologyKey: '' } };
    const podAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [wish] };
    expect(errorsOf({ affinity: { podAffinity } })).toEqual([
      'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]' +
        '.podAffinityTerm.topologyKey: Required value: can not be empty',
    ]);
  });
});

describe('topology spread', () => {
  const hard = { topologyKey, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector };
  const soft = { ...hard, whenUnsatisfiable: 'ScheduleAnyway' };

  it('may have a rule of each kind for a key', () => {
    const topologySpreadConstraints = [{ ...hard, minDomains: 2 }, soft];
    expect(errorsOf({ topologySpreadConstraints })).toEqual([]);
  });

  it.each<[JsonObject, string]>([
    [
      { ...soft, minDomains: 2 },
      '.minDomains: Invalid value: 2: can only use minDomains if ' +
        'whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
    ],
    [hard, '.{topologyKey, whenUnsatisfiable}: Duplicate value: "{kubernetes.io/hostname, Do'],
  ])('%j as the second is refused: %s', (second, message) => {
    const [first, ...more] = errorsOf({ topologySpreadConstraints: [hard, second] });
    expect(first).toContain(`spec.topologySpreadConstraints[1]${message}`);
    expect(more).toEqual([]);
  });
});
