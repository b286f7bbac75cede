import { expect, test } from 'vitest';
import { copyOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import { builtinKinds, ignoredFields, objectMetaSchema } from '../../crds/index.ts';
import { strategies } from '../kinds/index.ts';
import { Registry } from '../registry/registry.ts';
import { check, reshape, shaped } from './admit.ts';
import type { KindRequest } from './deps.ts';
import type { FieldValidation } from './options.ts';

const registry = new Registry({
  builtin: builtinKinds,
  storedAs: {},
  metadataSchema: objectMetaSchema,
  strategies,
  ignoredFields,
});

/** What becomes of a new pod on its way to the store: itself and its warnings, or why it is refused. */
function outcome(sent: JsonObject, validation: FieldValidation = 'Strict') {
  const warnings: string[] = [];
  // Only what these stages look at.
  const request = { kind: registry.find('', 'v1', 'pods'), warnings } as unknown as KindRequest;
  try {
    const object = shaped(request, { object: copyOf(sent), duplicates: [] }, validation);
    reshape(request, object);
    check(request, object, undefined);
    const made = copyOf(object);
    // The caller's own: what it changes must not be seen by the next.
    (object['spec'] as JsonObject)['containers'] = [];
    (object['metadata'] as JsonObject)['labels'] = { changed: 'yes' };
    return { made, warnings };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { refused: error.message };
  }
}

function pod(
  name: JsonObject['name'],
  spec: JsonObject = {},
  metadata: JsonObject = {},
): JsonObject {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'n', name: name ?? '', ...metadata },
    spec: { containers, ...spec },
  };
}

test('what was learnt of one pod holds for the next, and for no other', () => {
  const variants: readonly JsonObject[] = [
    pod('a'),
    pod('a', { restartPolicy: 'Sometimes' }),
    pod('a', { priority: 2n ** 60n }),
    pod('a', { nodeSelector: null }),
    pod('a', {}, { labels: { 'not a label': 'x' } }),
    pod('a', {}, { uid: '7', creationTimestamp: '2026-01-01T00:00:00Z' }),
    pod('a', { containers: [] }),
  ];
  const first = variants.map((each) => outcome(each));
  expect(first[0]).toMatchObject({ made: { metadata: { name: 'a' } }, warnings: [] });
  expect(first[1]).toHaveProperty('refused');
  for (let again = 0; again < 2; again += 1)
    expect(variants.map((each) => outcome(each))).toEqual(first);
  const named = (name: string) => outcome(pod(name));
  expect(named('b')).toMatchObject({ made: { metadata: { name: 'b', namespace: 'n' } } });
  expect(named('Not_A_Name')).toHaveProperty('refused');
  expect(outcome(pod(7))).toEqual(outcome(pod(7)));
  expect(outcome(pod(7))).toHaveProperty('refused');
});

test('an unknown field that was dropped in silence is told to the next who wants to know', () => {
  const wrong = pod('a', { unknown: 1 });
  expect(outcome(wrong, 'Ignore')).toHaveProperty('made');
  expect(outcome(wrong, 'Warn')).toMatchObject({ warnings: ['unknown field "spec.unknown"'] });
  expect(outcome(wrong, 'Warn')).toMatchObject({ warnings: ['unknown field "spec.unknown"'] });
  expect(outcome(wrong, 'Strict')).toHaveProperty('refused');
});
