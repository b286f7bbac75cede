import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { ephemeralContainersPart as part } from './ephemeral-containers.ts';
import { podStrategy } from './pod.ts';

const debug = (more: JsonObject = {}): JsonObject => ({ name: 'debug', image: 'i:1', ...more });
const pod = (...ephemeralContainers: JsonObject[]): JsonObject => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ephemeralContainers },
});
const wrong = (next: JsonObject, old = pod()) =>
  part.validate(next, old).map(({ field, message }) => `${field}: ${message}`);

test('only this list is taken, and defaulted', () => {
  const wanted = pod(debug());
  (wanted['spec'] as JsonObject)['nodeName'] = 'elsewhere';
  expect(part.take(wanted, pod())).toMatchObject({
    spec: { ephemeralContainers: [{ name: 'debug', imagePullPolicy: 'IfNotPresent' }] },
  });
  expect((part.take(wanted, pod())['spec'] as JsonObject)['nodeName']).toBeUndefined();
});

test.each([
  [debug({ targetContainerName: 'c', stdin: true, tty: true }), ''],
  [debug({ name: 'c' }), 'spec.ephemeralContainers[0].name'],
  [debug({ image: '' }), 'spec.ephemeralContainers[0].image'],
  [debug({ targetContainerName: 'x' }), 'spec.ephemeralContainers[0].targetContainerName'],
  [debug({ ports: [{ containerPort: 1 }] }), 'spec.ephemeralContainers[0].ports'],
  [debug({ livenessProbe: {} }), 'spec.ephemeralContainers[0].livenessProbe'],
])('%j: %s', (container, field) => {
  expect(wrong(pod(container)).map((each) => each.split(':')[0] ?? '')).toEqual(
    field === '' ? [] : [field],
  );
});

test('what is there stays as it is', () => {
  expect(wrong(pod(debug(), debug({ name: 'more' })), pod(debug()))).toEqual([]);
  expect(wrong(pod(), pod(debug())).join()).toMatch(/"debug" may not be removed/);
  expect(wrong(pod(debug({ image: 'i:2' })), pod(debug())).join()).toMatch(/may not be changed/);
});

test('a new pod has none, and the pod itself is no way to add one', () => {
  const fields = (next: JsonObject, old?: JsonObject) =>
    podStrategy.validate?.(next, old).map(({ field }) => field);
  expect(fields(pod(debug()))).toEqual(['spec.ephemeralContainers']);
  expect(fields(pod(debug()), pod())).toEqual(['spec']);
});
