import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validatePodSpec } from './pod-spec.ts';

const field = 'spec.affinity.nodeAffinity';
const term = `${field}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]`;

function errorsOf(nodeAffinity: JsonObject) {
  return validatePodSpec({ affinity: { nodeAffinity } }, 'spec').map(
    (error) => `${error.field}: ${error.message}`,
  );
}

function requiring(...nodeSelectorTerms: JsonObject[]): JsonObject {
  return { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
}

describe('node affinity of a pod', () => {
  it.each([
    ['In', ['a', 'b']],
    ['NotIn', ['a']],
    ['Exists', []],
    ['DoesNotExist', undefined],
    ['Gt', ['-3']],
  ])('may be %s %j', (operator, values) => {
    const one = { key: 'k', operator, ...(values === undefined ? {} : { values }) };
    expect(errorsOf(requiring({ matchExpressions: [one] }))).toEqual([]);
  });

  it.each([
    ['In', [], "Required value: must be specified when `operator` is 'In' or 'NotIn'"],
    ['Exists', ['a'], "Forbidden: may not be specified when `operator` is 'Exists'"],
    ['Lt', ['1', '2'], 'Required value: must be specified single value when `operator` is'],
  ])('may not be %s %j', (operator, values, message) => {
    const [first, ...more] = errorsOf(
      requiring({ matchExpressions: [{ key: 'k', operator, values }] }),
    );
    expect(first).toContain(`${term}.matchExpressions[0].values: ${message}`);
    expect(more).toEqual([]);
  });

  it('compares with whole numbers, and by names of labels', () => {
    const [first, second] = errorsOf(
      requiring({ matchExpressions: [{ key: 'not a label', operator: 'Gt', values: ['many'] }] }),
    );
    expect(first).toContain(`${term}.matchExpressions[0].values[0]: Invalid value: "many"`);
    expect(second).toContain(`${term}.matchExpressions[0].key: Invalid value: "not a label"`);
  });

  it('knows one field, with one value', () => {
    const one = { key: 'metadata.name', operator: 'In', values: ['n1'] };
    expect(errorsOf(requiring({ matchFields: [one] }))).toEqual([]);
    expect(errorsOf(requiring({ matchFields: [{ ...one, values: ['n1', 'n2'] }] }))).toHaveLength(
      1,
    );
    expect(errorsOf(requiring({ matchFields: [{ ...one, key: 'spec.x' }] }))[0]).toContain(
      'use metadata.name',
    );
    expect(errorsOf(requiring({ matchFields: [{ ...one, operator: 'Exists' }] }))[0]).toContain(
      'supported values: "In", "NotIn"',
    );
  });

  it('has a term, and wishes are looked at, too', () => {
    expect(errorsOf(requiring())[0]).toContain('must have at least one node selector term');
    const preference = { matchExpressions: [{ key: 'k', operator: 'In', values: [] }] };
    const wish = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] };
    expect(errorsOf(wish)).toHaveLength(1);
  });
});
