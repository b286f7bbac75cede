import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { plainStrategy } from '../kinds/strategy.ts';
import { type ServedKind, servedKinds } from '../registry/served-kind.ts';
import type { KindRequest } from './deps.ts';
import { selectionOf } from './select.ts';

const [kind] = servedKinds({
  builtin: false,
  metadataSchema: {},
  strategy: {
    ...plainStrategy,
    selectableFields: { 'status.phase': (object) => String(object['phase']) },
  },
  definition: {
    group: 'g',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object' } },
        selectableFields: [{ jsonPath: '.spec.color' }],
      },
    ],
  },
});

function selection(query: string, name = '') {
  // Only these fields of a request are read.
  const request = {
    request: { query: new URLSearchParams(query) },
    kind: kind as ServedKind,
    info: { name },
  };
  return selectionOf(request as unknown as KindRequest);
}

const object: JsonObject = {
  metadata: { name: 'a', namespace: 'n', labels: { app: 'w' } },
  spec: { color: 'red' },
  phase: 'Ready',
};

test('nothing asked for is everything', () => {
  expect(selection('').everything).toBe(true);
  expect(selection('labelSelector=app').everything).toBe(false);
  expect(selection('', 'a').everything).toBe(false);
});

test.each([
  ['labelSelector=app%3Dw', true],
  ['labelSelector=app%21%3Dw', false],
  ['fieldSelector=metadata.name%3Da', true],
  ['fieldSelector=metadata.namespace%3Dx', false],
  ['fieldSelector=spec.color%3Dred', true],
  ['fieldSelector=spec.color%3Dblue', false],
  ['fieldSelector=status.phase%3DReady', true],
  ['labelSelector=app&fieldSelector=status.phase%21%3DReady', false],
])('%s', (query, matches) => {
  expect(selection(query).matches(object)).toBe(matches);
});

test('a watch of one name sees that one', () => {
  expect(selection('', 'a').matches(object)).toBe(true);
  expect(selection('', 'b').matches(object)).toBe(false);
});

test('unknown fields are refused by name', () => {
  expect(() => selection('fieldSelector=spec.size%3D1')).toThrow(
    'field label not supported: spec.size',
  );
});
