import { expect, test } from 'vitest';
import { asObject, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import type { Attributes } from './plugin.ts';

// Nothing of the request is looked at.
const filled = (spec: JsonObject) =>
  defaultTolerationSeconds.mutate?.({} as Attributes, { spec }) as JsonObject | undefined;

const own = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', tolerationSeconds: 5 };

test('both taints are tolerated for five minutes, where the pod says nothing itself', () => {
  const keys = (spec: JsonObject) => {
    const all = objectsOf(asObject(filled(spec)?.['spec'])?.['tolerations']);
    return all.map((each) => each['key']);
  };
  const both = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
  expect(keys({})).toEqual(both);
  expect(keys({ tolerations: [own] })).toEqual(both);
  expect(filled({ tolerations: [{ operator: 'Exists' }] })).toBeUndefined();
});

test('what is no list stays, for the schema to refuse', () => {
  expect(filled({ tolerations: 'wrong' })).toBeUndefined();
});
